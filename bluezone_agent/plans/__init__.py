"""Plans that people write as TOML: where a setting is, and what is wrong with it."""
