"""The configuration: every mistake names the file, the setting, the value and the way out."""

import re
from importlib.resources import files
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bluezone_agent.app import config_file
from bluezone_agent.config import Authority, Config, Door, Key, Publishing, Source, load, parse, risk_model
from bluezone_agent.errors import ConfigError
from bluezone_agent.i18n import LANGUAGES, rendered

PATH = Path("agent.toml")


def test_nothing_set_is_the_default() -> None:
    assert parse("", PATH) == Config()


def test_every_setting_is_read() -> None:
    text = """
        protocol = "gaen"
        radio = "virtual"
        tx_power_dbm = -8
        [[source]]
        location = "/srv/keys"
        layout = "index"
        regions = ["VN"]
        allow_unsigned = true
        allow_http = true
        ca_file = "/srv/ca.pem"
        use_proxy = true
        [[source.key]]
        id = "452"
        version = "v1"
        public_key = "PEM"
        [[source.key]]
        id = "452"
        version = "v2"
        public_key = "PEM"
    """
    config = parse(text, PATH)
    assert (config.protocol, config.radio, config.tx_power_dbm) == ("gaen", "virtual", -8)
    keys = (Key("452", "v1", "PEM"), Key("452", "v2", "PEM"))
    assert config.sources == (Source("/srv/keys", "index", ("VN",), True, True, "/srv/ca.pem", True, keys),)


def test_a_key_server_is_read() -> None:
    text = """
        [publish]
        verification_server = "https://v"
        key_server = "https://k"
        api_key = "a"
        health_authority_id = "h"
        chaff = true
    """
    assert parse(text, PATH).publish == Publishing("https://v", "https://k", "a", "h", True)


def test_one_radio_or_several() -> None:
    assert parse('radio = "hci:usb:0"', PATH).radios == ("hci:usb:0",)
    assert parse('radio = ["bluez:hci1", "hci:0"]', PATH).radios == ("bluez:hci1", "hci:0")


def example(language: str) -> str:
    return files("bluezone_agent.app").joinpath(f"example.{language}.toml").read_text("utf-8")


def settings_of(text: str) -> list[str]:
    """Return the lines of an example that are TOML, whether or not they are commented out, in their order."""
    bare = [line.removeprefix("# ") for line in text.splitlines()]
    return [line for line in bare if re.match(r"""[a-z_]+ = |\[|-----|\.\.\.$|\"{3}$""", line)]


def test_the_examples_of_all_languages_have_the_same_settings_and_groups() -> None:
    english, vietnamese = example("en"), example("vi")
    assert settings_of(english) == settings_of(vietnamese)
    assert parse(english, PATH) == parse(vietnamese, PATH) == Config()
    in_force = [parse("\n".join(settings_of(text)), PATH) for text in (english, vietnamese)]
    assert in_force[0] == in_force[1]
    assert in_force[0].sources[0].keys[0].id == "452"
    assert english.count("\n\n") == vietnamese.count("\n\n")


def test_the_example_is_in_the_language_of_the_person(monkeypatch: pytest.MonkeyPatch) -> None:
    for language in LANGUAGES:
        monkeypatch.setenv("LANGUAGE", language)
        assert config_file.example() == example(language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_example_explains_every_setting_with_its_true_default(language: str) -> None:
    text = example(language)
    assert parse(text, PATH) == Config()
    settings = [
        line[2:] for line in text.splitlines() if line.startswith("# ") and " = " in line and "[" not in line[:3]
    ]
    shown = "\n".join(s for s in settings if s.split(" = ")[0] in Config.__struct_fields__)
    assert set(Config.__struct_fields__) - {"sources", "publish", "authority", "home_assistant", "door"} == {
        s.split(" = ")[0] for s in shown.splitlines()
    }
    defaults = msgspec.structs.replace(parse(shown, PATH), notify_command=())
    assert defaults == Config()
    _before, _section, door = text.partition("# [door]\n")
    as_set = parse("[door]\n" + door.replace("# ", "").replace("...", ""), PATH)
    assert as_set == Config()
    assert {line.split(" = ")[0] for line in door.splitlines()} == {f"# {name}" for name in Door.__struct_fields__}


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ('protokol = "gaen"', 'unknown setting "protokol"', "did you mean protocol?"),
        ('protocol = "zigbee"', 'protocol = "zigbee" is not known', "bluezone, gaen"),
        ('radio = "hci0"', 'radio = "hci0" is not known', "bluez:hci0, hci:0, virtual"),
        ('radio = ["virtual", "hci0"]', 'radio = "hci0" is not known', "bluez:hci0, hci:0"),
        ("radio = []", 'radio = "" is not known', "bluez:hci0, hci:0"),
        ('radio = ["hci:0", "hci:1", "hci:0"]', "the radio hci:0 is listed twice", "each adapter once"),
        ("radio = 3", "radio has to be text in quotes, or a list of such texts (found: 3)", "config init -"),
        ('rule = "x"', 'rule = "x" is not known', "swisscovid"),
        ("tx_power_dbm = 99", "tx_power_dbm has to be at most 20 (found: 99)", "config init -"),
        ('check_every_hours = "often"', 'check_every_hours has to be a whole number (found: "often")', "config init -"),
        ("[door]\nthreshold = -60", 'unknown setting [door] "threshold"', "did you mean threshold_dbm?"),
        ("[door]\nthreshold_dbm = 60", "door.threshold_dbm has to be at most -20 (found: 60)", "config init -"),
        ("[door]\nretention_days = 0", "door.retention_days has to be at least 1 (found: 0)", "config init -"),
        ("[door]\nlabel_purpose = 1", "door.label_purpose has to be text in quotes (found: 1)", "config init -"),
        ("door = 3", "door has to be a table (found: 3)", "config init -"),
        ("source = 3", "source has to be a list in square brackets (found: 3)", "config init -"),
        ('[[source]]\nlocation = "x"\nkeys = "y"', 'unknown setting [[source]] "keys"', "did you mean key?"),
        ("[[source]]\nlayout = 'x'", 'source[1] needs "location"', "config init -"),
        (
            '[[source]]\nlocation = "x"\nregions = "VN"',
            'source[1].regions has to be a list in square brackets (found: "VN")',
            "config init -",
        ),
        (
            '[[source]]\nlocation = "x"\nkey = 3',
            "source[1].key has to be a list in square brackets (found: 3)",
            "config init -",
        ),
        (
            '[[source]]\nlocation = "x"\n[[source.key]]\nid = "452"',
            'source[1].key[1] needs "version"',
            "config init -",
        ),
        ("[[source]]\n[[source.key]]\nkey_id = 1", 'unknown setting [[source.key]] "key_id"', "remove the setting"),
        ('[[source]]\nlocation = "/srv/keys"', "the source /srv/keys has no public key", "[[source.key]]"),
        (
            '[[source]]\nlocation = "/srv/keys"\nallow_unsigned = true\n' * 2,
            "the source /srv/keys is configured twice",
            "several regions",
        ),
        (
            '[[source]]\nlocation = "https://x/"\nindex = "VN/index.txt"\nallow_unsigned = true\n' * 2,
            "the source https://x/ is configured twice",
            "several regions",
        ),
        ("protocol = \n", "agent.toml, line 1, column 12: this is not valid TOML", "config check agent.toml"),
        ('[publish]\nkeyserver = "x"', 'unknown setting [publish] "keyserver"', "did you mean key_server?"),
        (
            '[publish]\nkey_server = "x"',
            'publish needs "verification_server"',
            "config init -",
        ),
        ("a = 1\na = 2\nb = 3", "agent.toml, line 2, column 6: this is not valid TOML", "set each name once"),
        ("a = [", "agent.toml is not valid TOML: its last line is wrong", "config check agent.toml"),
        ("a = " + "[" * 5000, "bracket is not closed", "config check agent.toml"),
        ('language = "fr"', 'language has to be one of: en, vi (found: "fr")', "config init -"),
        (
            'allow_linkable = ["x"]',
            'allow_linkable[1] has to be one of: privacy, discoverable (found: "x")',
            "config init -",
        ),
        ("clock_trusted = 1", "clock_trusted has to be true or false (found: 1)", "config init -"),
        ("check_every_hours = true", "check_every_hours has to be a whole number (found: true)", "config init -"),
        ("check_every_hours = 0", "check_every_hours has to be at least 1 (found: 0)", "config init -"),
        ('authority = "x"', 'authority has to be a table (found: "x")', "config init -"),
        ("[publish]\napi_key = 3", "publish.api_key has to be text in quotes (found: …)", "config init -"),
    ],
)
def test_a_mistake_is_named_with_the_way_out(text: str, message: str, hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text, PATH)
    said, way_out = rendered(caught.value)
    assert "agent.toml" in said
    assert message in said
    assert hint in way_out


def test_a_named_file_must_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"can't read the configuration .*no\.toml: No such file"):
        load(tmp_path / "no.toml")


def test_the_standard_file_need_not_exist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONFIGURATION_DIRECTORY", str(tmp_path))
    assert load(None) == Config()
    (tmp_path / "bluezone-agent.toml").write_text('radio = "virtual"')
    assert load(None).radio == "virtual"


def test_names_of_the_past_are_still_read() -> None:
    config = parse('linkable_anyway = ["privacy"]\nrule = "agent"', PATH)
    assert config.allow_linkable == ("privacy",)
    assert risk_model(config.rule, PATH) is risk_model("learned", PATH)


def test_each_region_of_a_bucket_is_a_source(tmp_path: Path) -> None:
    one = '[[source]]\nlocation = "https://x/"\nindex = "{region}/index.txt"\nallow_unsigned = true\n'
    config = parse(one.format(region="VN") + one.format(region="LA"), tmp_path / "agent.toml")
    assert [s.index for s in config.sources] == ["VN/index.txt", "LA/index.txt"]


SOME_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(
    st.builds(
        Config,
        radio=st.sampled_from(["virtual", ("hci:0", "hci:1")]),
        notify_command=st.lists(SOME_TEXT, max_size=3).map(tuple),
        check_every_hours=st.integers(1, 24),
        clock_trusted=st.booleans(),
        sources=st.lists(
            st.builds(
                Source,
                location=SOME_TEXT,
                allow_unsigned=st.just(True),
                regions=st.lists(SOME_TEXT, max_size=2).map(tuple),
                keys=st.lists(st.builds(Key, SOME_TEXT, SOME_TEXT, SOME_TEXT), max_size=2).map(tuple),
            ),
            max_size=3,
            unique_by=lambda source: source.location,
        ).map(tuple),
        authority=st.none() | st.builds(Authority, SOME_TEXT, SOME_TEXT, SOME_TEXT),
    )
)
def test_the_settings_that_are_shown_are_a_configuration(config: Config) -> None:
    shown = config_file.settings(config)
    assert parse(shown, PATH) == config
    assert shown.replace("\n", "").isprintable()
