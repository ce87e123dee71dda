"""The plugins that there are, as a table and as JSON."""

from __future__ import annotations

import json
from typing import Any

from modnet.discovery import PluginHost, Report
from modnet.registry import INTERFACES


def as_table(host: PluginHost) -> str:
    """Return one block a plugin: name, version, state and file, then what it provides or why it is broken."""
    blocks = []
    for report in host.reports:
        version = f" {report.version}" if report.version else ""
        lines = [f"{report.name}  ({report.distribution}{version})  {report.state}  {report.file}".rstrip()]
        if report.reason:
            lines.append(f"    {report.reason}")
        for kind in INTERFACES:
            names = [host.registry.name_for(c) for c in report.components if c.kind == kind]
            if names:
                lines.append(f"    {kind + ':':<13}{', '.join(names)}")
        if report.follows:
            lines.append(f"    {'follows:':<13}{', '.join(report.follows)}")
        lines += [f"    {refusal}" for refusal in _refusals(host, report)]
        blocks.append("\n".join(lines))
    return "\n".join(blocks) or "no plugins are installed"


def as_json(host: PluginHost) -> str:
    """Return a list of objects, one a plugin."""
    return json.dumps([_record(host, report) for report in host.reports], indent=2)


def _record(host: PluginHost, report: Report) -> dict[str, Any]:
    return {
        "name": report.name,
        "distribution": report.distribution,
        "version": report.version,
        "state": report.state,
        "reason": report.reason,
        "provides": [{"kind": c.kind, "name": host.registry.name_for(c)} for c in report.components],
        "follows": list(report.follows),
        "refused": _refusals(host, report),
        "file": report.file,
    }


def _refusals(host: PluginHost, report: Report) -> list[str]:
    """Return why some of its parts do not answer to their bare names."""
    return [refusal for c in report.components if (refusal := host.registry.refused(c))]
