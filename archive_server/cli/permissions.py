"""`archive-server permission`: who may do what with which object."""

from pathlib import Path

import click

from archive_server.cli.offline import Target, finished
from archive_server.cli.options import (
    Command,
    config_option,
    data_option,
    json_option,
    print_json,
)
from archive_server.model.permissions import Object, Permission
from archive_server.model.rights import Action


@click.group()
def permission() -> None:
    """Allow and deny, revoke, list and test.

    SUBJECT is a user or a group (user:NAME or group:NAME where there are both). OBJECT is archive,
    home:LOGIN (what a user owns), a clip's id, or class:NAME. What is said of a clip comes before
    what is said of its owner's home, and that before what is said of the archive; then a user
    comes before groups, an action before _all, and deny before allow. Nothing said: denied.
    """


_SUBJECT = click.argument("subject")
_ACTION = click.argument("action", type=click.Choice([action.value for action in Action]))
_OBJECT = click.argument("target", metavar="OBJECT")


def _rule_arguments(command: Command) -> Command:
    """`SUBJECT ACTION OBJECT`, and where the archive is."""
    for decorate in (config_option, data_option, _OBJECT, _ACTION, _SUBJECT):
        command = decorate(command)
    return command


@permission.command("allow")
@_rule_arguments
def allow(subject: str, action: str, target: str, data_dir: Path, config_file: Path | None) -> None:
    """Allow a user or a group to do something."""
    _put(subject, action, target, data_dir, config_file, allows=True)


@permission.command("deny")
@_rule_arguments
def deny(subject: str, action: str, target: str, data_dir: Path, config_file: Path | None) -> None:
    """Deny a user or a group to do something."""
    _put(subject, action, target, data_dir, config_file, allows=False)


def _put(
    subject: str,
    action: str,
    target: str,
    data_dir: Path,
    config_file: Path | None,
    *,
    allows: bool,
) -> None:
    purpose = "permission allow" if allows else "permission deny"
    with Target(data_dir, config_file).administration(purpose) as archive:
        put = archive.permissions.put(
            None, subject, Action(action), Object.parse(target), allows=allows
        )
        click.echo(str(finished(put)))


@permission.command("revoke")
@_rule_arguments
def revoke(
    subject: str, action: str, target: str, data_dir: Path, config_file: Path | None
) -> None:
    """Take back what was allowed or denied."""
    with Target(data_dir, config_file).administration("permission revoke") as archive:
        finished(archive.permissions.revoke(None, subject, Action(action), Object.parse(target)))
    click.echo(f"revoked: {subject} {action} {target}")


@permission.command("list")
@click.option("--subject", default="", help="Only for this user or group.")
@click.option("--object", "target", default="", help="Only about this object.")
@json_option
@data_option
@config_option
def list_permissions(
    subject: str, target: str, as_json: bool, data_dir: Path, config_file: Path | None
) -> None:
    """List what is allowed and denied."""
    with Target(data_dir, config_file).administration("permission list") as archive:
        about = Object.parse(target) if target else None
        found = finished(archive.permissions.list_permissions(None, subject, about))
    if as_json:
        print_json([_members(each) for each in found])
        return
    for each in found:
        click.echo(str(each))


@permission.command("test")
@click.argument("login")
@click.argument(
    "action",
    type=click.Choice([action.value for action in Action if action is not Action.ANY]),
)
@_OBJECT
@json_option
@data_option
@config_option
def test_permission(
    login: str,
    action: str,
    target: str,
    as_json: bool,
    data_dir: Path,
    config_file: Path | None,
) -> None:
    """Tell whether a user may do something, and which permission decides."""
    with Target(data_dir, config_file).administration("permission test") as archive:
        test = archive.permissions.test(None, login, Action(action), Object.parse(target))
        verdict = finished(test)
    if as_json:
        rule = verdict.permission
        print_json({"allowed": verdict.is_allowed, "because": rule and _members(rule)})
        return
    click.echo(f"{'allowed' if verdict.is_allowed else 'denied'}: {verdict.reason}")


def _members(permission: Permission) -> dict[str, object]:
    """A rule, for programs."""
    return {
        "subject": str(permission.subject),
        "action": permission.action.value,
        "object": str(permission.object),
        "allows": permission.allows,
    }
