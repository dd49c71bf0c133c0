"""The configuration: every mistake names the file, the setting, the value and the way out."""

import re
from importlib.resources import files
from pathlib import Path

import msgspec
import pytest

from bluezone_agent.app import config_file
from bluezone_agent.config import Config, Key, Publishing, Source, load, parse, risk_model
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
    assert set(Config.__struct_fields__) - {"sources", "publish", "authority"} == {
        s.split(" = ")[0] for s in shown.splitlines()
    }
    defaults = msgspec.structs.replace(parse(shown, PATH), notify_command=())
    assert defaults == Config()


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ('protokol = "gaen"', 'unknown setting "protokol"', "did you mean protocol?"),
        ('protocol = "zigbee"', 'protocol = "zigbee" is not known', "bluezone, gaen"),
        ('radio = "hci0"', 'radio = "hci0" is not known', "bluez:hci0, hci:0, virtual"),
        ('radio = ["virtual", "hci0"]', 'radio = "hci0" is not known', "bluez:hci0, hci:0"),
        ("radio = []", 'radio = "" is not known', "bluez:hci0, hci:0"),
        ('radio = ["hci:0", "hci:1", "hci:0"]', "the radio hci:0 is listed twice", "each adapter once"),
        ("radio = 3", "`$.radio` (found: 3)", "config init -"),
        ('rule = "x"', 'rule = "x" is not known', "swisscovid"),
        ("tx_power_dbm = 99", "`$.tx_power_dbm` (found: 99)", "config init -"),
        ('check_every_hours = "often"', "`$.check_every_hours` (found: 'often')", "config init -"),
        ("source = 3", "`$.source` (found: 3)", "config init -"),
        ('[[source]]\nlocation = "x"\nkeys = "y"', 'unknown setting [[source]] "keys"', "did you mean key?"),
        ("[[source]]\nlayout = 'x'", "missing required field `location` - at `$.source[0]`", "config init -"),
        ('[[source]]\nlocation = "x"\nregions = "VN"', "`$.source[0].regions` (found: 'VN')", "config init -"),
        ('[[source]]\nlocation = "x"\nkey = 3', "`$.source[0].key` (found: 3)", "config init -"),
        (
            '[[source]]\nlocation = "x"\n[[source.key]]\nid = "452"',
            "missing required field `version` - at `$.source[0].key[0]`",
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
        ("protocol = ", "not valid TOML", "config check"),
        ('[publish]\nkeyserver = "x"', 'unknown setting [publish] "keyserver"', "did you mean key_server?"),
        (
            '[publish]\nkey_server = "x"',
            "missing required field `verification_server` - at `$.publish`",
            "config init -",
        ),
        ("a = 1\na = 2", "not valid TOML", "config check"),
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
