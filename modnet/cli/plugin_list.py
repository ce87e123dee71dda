"""The plugins that there are, as a table and as JSON; and what is wrong with some of them, and what to do."""

from __future__ import annotations

import json
from typing import Any

from modnet.host.discovery import PluginHost, Report
from modnet.host.kinds import KINDS


def as_table(host: PluginHost) -> str:
    """Return one block a plugin: name, version, state and file, then what it provides or why it is broken."""
    return "\n".join(_block(host, report) for report in host.reports) or "no plugins are installed"


def as_json(host: PluginHost) -> str:
    """Return a list of objects, one a plugin."""
    return json.dumps([_record(host, report) for report in host.reports], indent=2)


def diagnosis(host: PluginHost) -> str:
    """Return the same blocks, of a broken plugin with what is wrong, where and what to do; then how many are broken."""
    if not host.reports:
        return "no plugins are installed"
    broken = host.broken()
    names = ",".join(dict.fromkeys(report.distribution for report in broken))
    unasked = f", {count} could not be asked" if (count := len(host.not_asked())) else ""
    end = f"{len(broken)} of {len(host.reports)} plugins broken{unasked}"
    without = f"\nuntil they work: --without {names}, or MODNET_WITHOUT={names}" if broken else ""
    return "\n".join([*(_block(host, report, _symptoms(report)) for report in host.reports), end]) + without


def diagnosis_as_json(host: PluginHost) -> str:
    """Return a list of objects, one a plugin, with what is wrong, where and what to do."""
    return json.dumps([_record(host, report) | _symptoms(report) for report in host.reports], indent=2)


def not_asked(host: PluginHost) -> str:
    """Say how many plugins have not said yet what they provide, and what to do; nothing where all have."""
    if not (count := len(host.not_asked())):
        return ""
    return f"{count} not asked yet what they provide; modnet plugins doctor asks them, and waits for the answers"


def _symptoms(report: Report) -> dict[str, str]:
    problem = report.problem
    return {"why": problem.why, "where": problem.where, "remedy": problem.remedy} if problem else {}


def _block(host: PluginHost, report: Report, symptoms: dict[str, str] | None = None) -> str:
    version = f" {report.version}" if report.version else ""
    lines = [f"{report.name}  ({report.distribution}{version})  {report.state}  {report.file}".rstrip()]
    if symptoms:
        lines += [f"    {what + ':':<13}{said}" for what, said in symptoms.items() if said]
    elif report.reason:
        lines.append(f"    {report.reason}")
    for kind in KINDS:
        names = [host.registry.name_for(c) for c in report.components if c.kind == kind]
        if names:
            lines.append(f"    {kind + ':':<13}{', '.join(names)}")
    if report.follows:
        lines.append(f"    {'follows:':<13}{', '.join(report.follows)}")
    lines += [f"    {refusal}" for refusal in _refusals(host, report)]
    return "\n".join(lines)


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
