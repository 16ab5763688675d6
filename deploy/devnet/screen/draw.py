"""The live screen, drawn from `DemoState` alone."""

from __future__ import annotations

from typing import Final

from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from cupel.devnet.screen.glyphs import bar, size, sparkline
from cupel.devnet.story.state import DemoState, NodeState, StageStatus, Status, Transfer, VerifierState
from cupel.devnet.verdict import tokens

_GOLD: Final = "#d99a1c"
_TONES: Final = {"info": "dim", "good": "green", "bad": "red"}
_STATUS_STYLES: Final = {
    Status.DONE: "green",
    Status.SLASHED: "bold red",
    Status.KILLED: "red",
    Status.FAILED: "bold red",
    Status.STARTING: "dim",
}
_STAGE_MARKS: Final = {
    StageStatus.WAITING: ("·", "dim"),
    StageStatus.RUNNING: ("▸", _GOLD),
    StageStatus.DONE: ("✓", "green"),
    StageStatus.FAILED: ("✗", "bold red"),
}


def draw(state: DemoState) -> RenderableType:
    """The whole screen."""
    if not state.task.task_id:
        return Group(_title(state), Text(), _set_up(state), Text(), _log(state))
    panels = Columns([_reward(state), _money(state)], padding=(0, 1))
    gap = Text()
    return Group(
        _title(state), _running(state), panels, _nodes(state), gap, _verifiers(state), gap, _log(state)
    )


def _title(state: DemoState) -> Text:
    task, chain = state.task, state.chain
    elapsed = max(state.now_ms - state.started_ms, 0) // 1000
    text = Text.assemble(
        ("  cupel demo ", f"bold {_GOLD}"), (f" {elapsed // 60}:{elapsed % 60:02d} ", "bold")
    )
    if chain.block:
        text.append(f"  block {chain.block}", "dim")
    if not task.start or not chain.timestamp:
        return text
    now = chain.timestamp + max(state.now_ms - chain.seen_ms, 0) // 1000
    if now < task.start:
        return text.append(f"   round 0 begins in {task.start - now} s", "bold")
    if not task.round_seconds:
        return text
    index, into = divmod(now - task.start, task.round_seconds)
    if index >= task.rounds:
        return text.append(f"   {task.rounds} of {task.rounds} rounds done, settling", "bold")
    text.append(f"   round {index} of {task.rounds - 1}  ", "bold")
    text.append(bar(1000 * into // task.round_seconds, 20), _GOLD)
    return text.append(f"  {task.round_seconds - into} s left", "dim")


def _set_up(state: DemoState) -> Table:
    """A line for every stage."""
    table = Table.grid(padding=(0, 2))
    for stage in state.stages:
        until = stage.ended_ms or state.now_ms
        seconds = f"{(until - stage.started_ms) / 1000:.1f} s" if stage.started_ms else ""
        mark, style = _STAGE_MARKS[stage.status]
        progress = bar(stage.progress, 24) if stage.status is StageStatus.RUNNING else ""
        table.add_row(
            Text(f"  {mark}", style),
            Text(stage.title, "bold" if stage.status is StageStatus.RUNNING else style),
            Text(seconds, "dim", justify="right"),
            Text.assemble((progress, _GOLD), " " if progress else "", (stage.detail, "dim")),
        )
    return table


def _running(state: DemoState) -> Text:
    """The stages of the run proper, in one line."""
    text = Text("  ")
    for stage in state.stages:
        mark, style = _STAGE_MARKS[stage.status]
        if stage.status is StageStatus.RUNNING:
            text.append(f"{mark} {stage.title} ", "bold").append(f"{stage.detail}   ", _GOLD)
        elif stage.key in ("rounds", "settlement", "verdict") or stage.status is StageStatus.FAILED:
            text.append(f"{mark} {stage.title}   ", style)
    return text


def _reward(state: DemoState) -> Panel:
    mean = list(state.honest_reward.values())
    wide = 1 if len(mean) > 20 else 2
    text = Text(
        "".join(block * wide for block in sparkline(mean)) or "no round finished yet",
        _GOLD if mean else "dim",
    )
    if mean:
        text.append(f"\n{mean[0] / 1e6:.3f}", "dim").append(" → ").append(f"{mean[-1] / 1e6:.3f}", "bold")
        text.append("  mean of honest nodes", "dim")
    return Panel(text, title="reward", title_align="left", border_style="dim", width=46)


def _money(state: DemoState) -> Panel:
    chain = state.chain
    grid = Table.grid(padding=(0, 2))
    cells = [
        ("bounty", chain.bounty),
        ("stakes", chain.stakes),
        ("bonds", chain.bonds),
        ("credits", chain.credits),
    ]
    cells.append(("burned", chain.burned))
    grid.add_row(*[Text(name, "dim") for name, _ in cells])
    style = ["", "", "", "green", "red" if chain.burned else ""]
    grid.add_row(*[Text(tokens(amount), style[index]) for index, (_, amount) in enumerate(cells)])
    return Panel(grid, title="hub, tokens", title_align="left", border_style="dim")


def _nodes(state: DemoState) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", expand=False)
    for name in ("  node", "", "phase", "", "round", "reward", "units", "in / out", "peers"):
        table.add_column(name, justify="right" if name in ("round", "reward", "units", "peers") else "left")
    table.add_column("money", justify="right")
    for node in state.nodes.values():
        table.add_row(*_node_cells(node))
    return table


def _node_cells(node: NodeState) -> list[Text]:
    role = Text(f"lies: {node.lie}", "red") if node.lie else Text("honest", "dim")
    is_working = node.status is Status.WORKING and node.phase
    phase = node.phase if is_working else str(node.status)
    style = _STATUS_STYLES.get(node.status, _GOLD if node.phase in ("rollouts", "training") else "")
    progress = bar(node.progress, 8) if is_working and 0 < node.progress < 1000 else ""
    reward = f"{node.rewards[max(node.rewards)] / 1e6:.2f}" if node.rewards else ""
    if node.status is Status.SLASHED:
        money = Text(f"-{tokens(node.stake)}", "bold red")
    elif node.claimed:
        money = Text(f"+{tokens(node.claimed)}", "bold green")
    else:
        money = Text(f"{tokens(node.stake)} at stake" if node.stake else "", "dim")
    moved = _moved(node.transfer)
    round_text = str(node.round) if node.round >= 0 else ""
    texts = [
        Text(phase, style),
        Text(progress, _GOLD),
        Text(round_text),
        Text(reward),
        Text(f"{node.units or ''}"),
    ]
    return [
        Text(f"  {node.name}", "bold"),
        role,
        *texts,
        Text(moved, "dim"),
        Text(_peers(node.transfer), "dim"),
        money,
    ]


def _verifiers(state: DemoState) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", expand=False)
    for name in ("  verifier", "looks at", "passed", "failed", "in / out", "disputes"):
        table.add_column(name, justify="right" if name in ("passed", "failed") else "left")
    for verifier in state.verifiers.values():
        table.add_row(*_verifier_cells(state, verifier))
    return table


def _verifier_cells(state: DemoState, verifier: VerifierState) -> list[Text]:
    busy = verifier.checking if verifier.status is Status.WORKING else str(verifier.status)
    failed = sum(verifier.failed.values())
    own = [challenge for challenge in state.challenges.values() if challenge.challenger == verifier.name]
    disputes = Text()
    for challenge in own:
        verdict = {True: ("guilty", "green"), False: ("not guilty", "red"), None: ("open", _GOLD)}[
            challenge.guilty
        ]
        votes = f", {len(challenge.votes)} votes" if challenge.votes else ""
        disputes.append(f"{challenge.node} {challenge.reason}{votes}: ", "dim")
        disputes.append(verdict[0], verdict[1]).append("  ")
    return [
        Text(f"  {verifier.name}", "bold"),
        Text(busy, _STATUS_STYLES.get(verifier.status, "")),
        Text(str(sum(verifier.passed.values())), "green"),
        Text(str(failed), "bold red" if failed else "dim"),
        Text(_moved(verifier.transfer), "dim"),
        disputes,
    ]


def _moved(transfer: Transfer) -> str:
    return (
        f"{size(transfer.bytes_in)} / {size(transfer.bytes_out)}"
        if transfer.bytes_in or transfer.bytes_out
        else ""
    )


def _peers(transfer: Transfer) -> str:
    return str(transfer.peers) if transfer.peers else ""


def _log(state: DemoState) -> Text:
    text = Text()
    for line in state.log[-6:]:
        text.append(f"  {line.source:<11}", "dim").append(f"{line.text}\n", _TONES[line.tone])
    return text
