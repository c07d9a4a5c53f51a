"""What SIGHUP does: read the configuration again and apply what a running daemon can change (as dockerd's reload)."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

from pogu.daemon import journal
from pogu.daemon.settings import OPTIONS, Settings, resolve
from pogu.daemon.settings.engine import ENGINE_FIELDS, engine_config
from pogu.engine.config import EngineConfig
from pogu.errors import PoguError

log = logging.getLogger(__name__)


def reload(settings: Settings, config: EngineConfig) -> Settings:
    """Apply the changed files to `config` and to the log; return the settings now in force.

    A file that is wrong changes nothing: the error is logged and the daemon goes on as it is.
    """
    try:
        new = resolve(settings.sources)
    except PoguError as e:
        log.error("cannot reload the configuration: %s", e.message)
        return settings
    changed = {option.key for option in OPTIONS if new.get(option.key) != settings.get(option.key)}
    applied = {option.key for option in OPTIONS if option.reloads} & changed
    fresh = engine_config(new)
    for key in sorted(applied & ENGINE_FIELDS.keys()):
        setattr(config, ENGINE_FIELDS[key], getattr(fresh, ENGINE_FIELDS[key]))
    config.debug, config.warnings = fresh.debug, fresh.warnings
    journal.set_level(new.log_level)
    for key in sorted(applied):
        log.info("reloaded %s: %s, was %s", key, _text(new.get(key)), _text(settings.get(key)))
    for key in sorted(changed - applied):
        log.warning("%s has changed in the configuration: restart the daemon to apply it", key)
    if not changed:
        log.info("reloaded configuration: nothing has changed")
    kept = {key: settings.values[key] for key in changed - applied if key in settings.values}
    values = {key: value for key, value in new.values.items() if key not in changed - applied}
    return Settings({**values, **kept}, new.sources, new.warnings)


def reload_attributes(settings: Settings) -> Mapping[str, str]:
    """Return the attributes of the `daemon reload` event: each setting that a reload may change, as text."""
    return {option.key: _text(settings.get(option.key)) for option in OPTIONS if option.reloads}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
