"""The commands of every application: names, options, help. What runs them is loaded when needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Final

import click

from peaceful._cli.program.group import (
    Command,
    Entry,
    Group,
    NamesOption,
    answer_help,
    asked,
)
from peaceful._cli.program.invocation import Invocation
from peaceful._cli.program.options import (
    complete_execution,
    complete_item,
    complete_profile,
    complete_tag,
    dry_run_option,
    file_option,
    flag,
    global_options,
    offering,
    paths,
    positive,
)
from peaceful._cli.program.result import Result, text_answer
from peaceful._model.interrupt import InterruptLevel

if TYPE_CHECKING:
    from peaceful._commands.run_request import CommandName

_HIGHEST_PORT: Final = 65535

_NONE: Final[Mapping[str, str]] = {}


def command_line(invocation: Invocation) -> click.Group:
    """Return the command line of an application."""
    return _CommandLine(invocation).group()


class _CommandLine:
    def __init__(self, invocation: Invocation) -> None:
        self._invocation = invocation
        self._app = invocation.app
        self._options = options = invocation.options
        self._profiles = offering(lambda: complete_profile(options.workspace, self._app.name))
        self._items = offering(
            lambda: complete_item(options.workspace, self._app, options.profile, options.flow)
        )
        self._tags = offering(
            lambda: complete_tag(self._app, options.workspace, options.profile, options.flow)
        )
        self._global: list[click.Parameter] = [
            *global_options(options, self._app),
            asked("--version", help="Show the version.", answer=self._version),
            asked("-h", "--help", help="Show this help.", answer=self._help),
        ]

    def group(self) -> Group:
        app = self._app
        ensure = Entry(
            "Bring everything to its goal; resumes what was cut.", self._ensure, name="ensure"
        )
        entries = {
            "init": Entry("Store the parameters of workspace, profile and flows.", self._init),
            "profile": Entry("List, show, delete, rename or copy profiles.", self._profile),
            "switch": Entry("Take another profile into use, or create one.", self._switch),
            "discover": Entry("Find and store what is there, and what should be.", self._discover),
            "status": Entry("Show the stored current states.", lambda: self._states("current")),
            "goal": Entry("Show the stored goal states.", lambda: self._states("goal")),
            "diff": Entry("Show what differs from the goal, or between profiles.", self._diff),
            "plan": Entry(f"Show what {app.ensure_name} would do, and keep that.", self._plan),
            app.ensure_name: ensure,
            "clean": Entry("Remove everything again, in reverse order.", self._clean),
            "states": Entry("Show and correct what is stored of things.", self._entries),
            "executions": Entry("Show what was executed, and how it ended.", self._executions),
            "interrupt": Entry("Interrupt what runs, whoever started it.", self._interrupt),
            "approve": Entry("Approve or refuse what an item asks.", self._approve),
            "web": Entry("Serve pages to start, watch and interrupt it all.", self._web),
            "key": Entry("Make keys that secrets are stored with.", self._key),
            "completion": Entry("Print what makes a shell complete words.", self._completion),
            "help": Entry("Show the help of a command.", self._help_command, listed=False),
        }
        if app.ensure_name != "ensure":
            entries["ensure"] = Entry(ensure.help, ensure.make, listed=False)
        return self._group(
            app.help,
            entries,
            {
                "init": "Store parameters.",
                "plan": "See what would be done.",
                "ensure": "Do it. If it was interrupted, the same command carries on.",
                "help ensure": "Show all that a command takes.",
            },
        )

    # ---- commands with a flow

    def _discover(self) -> Command:
        does = "Finds and stores current and goal states."
        return self._command("execute.apply", does, command="discover")

    def _diff(self) -> Command:
        two = "[PROFILE_A PROFILE_B]"
        return self._command(
            "states.diff",
            "Shows what ensure would change; or with two profiles, how their stored states differ.",
            click.Argument(["profiles"], nargs=-1, metavar=two, shell_complete=self._profiles),
            flag("--stored", "Compare what is stored, without looking at what is there."),
            examples={
                "diff": "Look at what is there, and compare it with what should be.",
                "diff PROFILE_A PROFILE_B": "Compare the stored states of two profiles.",
            },
        )

    def _plan(self) -> Command:
        name = self._app.ensure_name
        return self._command(
            "plan.plan",
            f"Looks at everything, and says what {name} would do. Changes nothing.",
            file_option("--out", f"Keep the plan in a file, for {name} --plan."),
            flag("--exit-code", "End with 4 where something would be done."),
            flag("--markdown", "Print Markdown, as for a comment on a change request."),
            *self._choosing(),
            *self._ensuring(),
            self._more(),
            examples={
                "plan --out change.plan": f"Keep it; {name} --plan change.plan does just that.",
                "plan --exit-code": "Tell a pipeline by exit code 4 that something differs.",
            },
        )

    def _ensure(self) -> Command:
        also = "" if self._app.ensure_name == "ensure" else " `ensure` is another name of it."
        return self._applying(
            "ensure",
            f"Brings current states to goal states.{also}",
            file_option(
                "--plan", "Do what a plan says, or refuse to: in a file, or of an execution."
            ),
            *self._ensuring(),
            examples={
                "ensure": "Do what is not done yet; carry on with what was interrupted.",
                "ensure --dry-run": "Say what would be done.",
                "ensure --only ITEM_A,ITEM_B": "Work on two items alone.",
                "ensure --replace ITEM": "Remove one, and make it anew.",
            },
        )

    def _ensuring(self) -> list[click.Option]:
        anew = "Remove these, with all that stands on them, and make them anew."
        return [
            flag("--prune", "Remove what has left the flow as well."),
            self._item_option("--replace", anew),
        ]

    def _clean(self) -> Command:
        return self._applying(
            "clean",
            "Cleans everything up, in reverse order.",
            flag("--left", "Only what has left the flow."),
            flag("--found", "Also what was there before it was looked after."),
            examples={
                "clean --dry-run": "Say what would be removed.",
                "clean --only ITEM": "Remove one thing.",
                "clean --left": "Remove what the flow does not have any more.",
            },
        )

    def _applying(
        self, name: CommandName, does: str, *options: click.Option, examples: Mapping[str, str]
    ) -> Command:
        return self._command(
            "execute.apply",
            f"{does} Run it again to resume: what is done is not repeated.",
            dry_run_option(),
            *self._choosing(),
            click.Option(
                ["--sync"],
                type=click.Choice(["none", "current", "both"]),
                default="none",
                help="Which stored states must still be what is there; else nothing is done."
                "  [default: none]",
            ),
            *options,
            flag("--fail-fast", "Start nothing more once an item has failed."),
            self._more(),
            examples=examples,
            command=name,
        )

    def _choosing(self) -> list[click.Option]:
        return [
            self._item_option("--only", "Only these items."),
            self._item_option("--exclude", "Without these items."),
            NamesOption(
                ["--tag", "tags"],
                multiple=True,
                metavar="TAG...",
                help="Only items with one of these tags, and those of --only.",
                shell_complete=self._tags,
            ),
            flag("--with-dependents", "With all that stands on the items of --only and --tag."),
        ]

    def _item_option(self, name: str, means: str) -> click.Option:
        return NamesOption(
            [name], multiple=True, metavar="ITEM...", help=means, shell_complete=self._items
        )

    def _more(self) -> click.Argument:
        """Take words that belong to no option, to say what may be meant."""
        return click.Argument(["more"], nargs=-1, metavar="", shell_complete=self._items)

    def _states(self, kind: str) -> Command:
        does = f"Shows the stored {kind} states; changes nothing."
        return self._command("states.states", does, kind=kind)

    def _entries(self) -> Group:
        options = self._options
        stored = offering(
            lambda: complete_item(
                options.workspace, self._app, options.profile, options.flow, "states_current.yaml"
            )
        )
        each = click.Argument(
            ["items"], nargs=-1, required=True, metavar="ITEM...", shell_complete=stored
        )
        item = click.Argument(["item"], metavar="ITEM", shell_complete=stored)
        old = click.Argument(["old"], metavar="OLD", shell_complete=stored)
        new = click.Argument(["new"], metavar="NEW", shell_complete=self._items)
        dry = dry_run_option()
        entries = {
            "list": self._entry(
                "List what is stored, with what it is.",
                "states.entries_list",
                "Lists what is stored: which thing it is, whether it was made or found, its state.",
            ),
            "show": self._entry(
                "Show all that is stored of an item.",
                "states.entries_show",
                "Shows all that is stored of an item.",
                item,
            ),
            "forget": self._entry(
                "Drop what is stored of items; what there is of them stays.",
                "states.entries_forget",
                "Drops what is stored of items. What there is of them stays, and nobody looks "
                "after it.",
                each,
                dry,
            ),
            "move": self._entry(
                "Store what is stored of an item under another name.",
                "states.entries_move",
                "Stores what is stored of an item under another name, as after a renaming.",
                old,
                new,
                dry,
            ),
            "adopt": self._entry(
                "Let what was found count as made.",
                "states.entries_adopt",
                "Lets what was found count as made, so that clean removes it.",
                each,
                dry,
            ),
        }
        file = click.Argument(["file"], metavar="FILE", shell_complete=paths)
        entries["backup"] = self._entry(
            "Write the whole profile to one file.",
            "profiles.states_backup",
            "Writes the whole profile to one file: its parameters, and the states of all flows.",
            file,
            dry,
        )
        entries["restore"] = self._entry(
            "Make the profile what a backup says.",
            "profiles.states_restore",
            "Makes the profile what a backup of it says. What was there before is kept beside it. "
            "With --yes, also where things were made since that the backup does not know.",
            file,
            dry,
        )
        return self._group("Shows and corrects what is stored of things.", entries)

    # ---- parameters and profiles

    def _init(self) -> Command:
        from peaceful._cli.commands.params import (
            declared_params,
            params_options,
            params_words,
            unset_option,
        )

        params = declared_params(self._app, self._options.flow)
        name = click.Argument(["named"], required=False, metavar="[PROFILE]")
        return self._command(
            "params.init",
            "Stores parameters, and takes the profile into use. What is not given keeps its value.",
            *([name] if self._app.names_profiles else []),
            *params_options(params),
            unset_option(params),
            *params_words(params),
            params=params,
        )

    def _switch(self) -> Command:
        from peaceful._cli.commands.params import declared_params, params_options

        params = declared_params(self._app, self._options.flow)
        return self._command(
            "params.switch",
            "Takes another profile into use. A new one can be given parameters, as by init.",
            click.Argument(["profile"], metavar="PROFILE", shell_complete=self._profiles),
            flag("--create", "It is a new profile."),
            *params_options(params),
            params=params,
        )

    def _profile(self) -> Group:
        shown = click.Argument(
            ["profile"], required=False, metavar="[PROFILE]", shell_complete=self._profiles
        )
        entries = {
            "list": self._entry(
                "List the profiles; a star marks the one in use.",
                "params.profile_list",
                "Lists the profiles.",
            ),
            "show": self._entry(
                "Show the parameters of a profile.",
                "params.profile_show",
                "Shows a profile; the one in use if none is named.",
                shown,
            ),
        }
        dry = dry_run_option()
        named = click.Argument(["profile"], metavar="PROFILE", shell_complete=self._profiles)
        old = click.Argument(["old"], metavar="OLD", shell_complete=self._profiles)
        new = click.Argument(["new"], metavar="NEW")
        entries["delete"] = self._entry(
            "Delete a profile of which nothing is left.",
            "profiles.profile_delete",
            "Deletes a profile. Refused while something is there that was made.",
            named,
            dry,
        )
        entries["rename"] = self._entry(
            "Give a profile another name.",
            "profiles.profile_rename",
            "Gives a profile another name. If it is in use, it stays so.",
            old,
            new,
            dry,
        )
        entries["copy"] = self._entry(
            "Make a profile with the parameters of another one.",
            "profiles.profile_copy",
            "Makes a profile with the parameters of another one, and without any state.",
            old,
            new,
            dry,
        )
        return self._group("Lists, shows, deletes, renames and copies profiles.", entries)

    def _key(self) -> Group:
        entries = {
            "new": self._entry(
                "Put a new key in front of those of a file.",
                "keys.key_new",
                "Puts a new key in front of those of a file, which is made where it is missing. "
                "Name the file in PEACEFUL_KEY_FILE.",
                click.Argument(["file"], metavar="FILE"),
            ),
            "rotate": self._entry(
                "Store every secret anew with the first key.",
                "keys.key_rotate",
                "Stores every secret of the workspace anew with the first key; afterwards the "
                "others can be removed.",
            ),
        }
        return self._group("Makes keys that secrets are stored with.", entries)

    # ---- executions

    def _executions(self) -> Group:
        limit = click.Option(
            ["--limit"],
            default="20",
            metavar="N",
            callback=_positive,
            help="How many, from the newest on.  [default: 20]",
        )
        entries = {
            "list": self._entry(
                "List executions, newest first.",
                "executions.executions_list",
                "Lists executions, newest first.",
                limit,
            ),
            "show": self._entry(
                "Show an execution, item by item.",
                "executions.executions_show",
                "Shows an execution, item by item. The last 8 digits of its ID are enough.",
                self._id_argument(required=True),
            ),
        }
        return self._group("Shows what was executed, when, by whom, and how it ended.", entries)

    def _interrupt(self) -> Command:
        return self._command(
            "executions.interrupt",
            "Interrupts an execution of this workspace; the only one that runs, if none is named.",
            self._id_argument(required=False),
            click.Option(
                ["--level"],
                type=click.Choice([str(each) for each in InterruptLevel]),
                default="stop",
                help="stop: what is in progress finishes; cancel: it is asked to end, then "
                "cancelled; kill: it is abandoned.  [default: stop]",
            ),
            click.Option(["--reason"], metavar="TEXT", help="Why, for whoever sees it."),
            examples={
                "interrupt": "Stop the only one that runs: what is in progress finishes.",
                "interrupt ID --level cancel --reason maintenance": "Cut a certain one short.",
            },
        )

    def _approve(self) -> Command:
        return self._command(
            "executions.approve",
            "Approves what an item of an execution asks, whoever started it, or refuses it. By "
            "default, the only item that waits, of the only execution that runs.",
            self._id_argument(required=False),
            click.Argument(["item"], required=False, metavar="[ITEM]", shell_complete=self._items),
            flag("--refuse", "Refuse it: the item fails."),
            click.Option(["--comment"], metavar="TEXT", help="Why, for whoever sees it."),
        )

    def _id_argument(self, *, required: bool) -> click.Argument:
        return click.Argument(
            ["execution_id"],
            required=required,
            metavar="ID" if required else "[ID]",
            shell_complete=offering(
                lambda: complete_execution(self._app, self._options.workspace, running=not required)
            ),
        )

    # ---- others

    def _web(self) -> Command:
        return self._command(
            "web.web",
            "Serves pages to start, watch, interrupt and resume executions, until Ctrl-C. Prints "
            "their address, with the token that opens them.",
            click.Option(
                ["--address"],
                default="127.0.0.1",
                metavar="ADDRESS",
                help="Where to listen. Others than this machine need tokens.  [default: 127.0.0.1]",
            ),
            click.Option(
                ["--port"],
                default="0",
                callback=_port,
                metavar="N",
                help="The port; else a free one.",
            ),
            flag("--open", "Open the address in a browser."),
            file_option(
                "--token-file",
                "Tokens and their roles; else PEACEFUL_WEB_TOKENS names the file, else a new token "
                "is made.",
                variable="PEACEFUL_WEB_TOKENS",
            ),
            file_option("--tls-cert", "A certificate, to encrypt with; PEM."),
            file_option("--tls-key", "Its private key; PEM."),
            click.Option(
                ["--behind-proxy"],
                multiple=True,
                metavar="ADDRESS",
                help="A proxy that encrypts, whose X-Forwarded headers are believed.",
            ),
            click.Option(
                ["--host"],
                multiple=True,
                metavar="NAME",
                help="What others call the server, as in its address.",
            ),
            click.Option(
                ["--approve"],
                multiple=True,
                metavar="PROFILE",
                help="Change it only by a plan that somebody else has approved.",
                shell_complete=self._profiles,
            ),
            click.Option(
                ["--log-format"],
                type=click.Choice(["text", "json"]),
                help="How the log is written on stderr.  [default: text]",
            ),
        )

    def _completion(self) -> Command:
        return self._command(
            "completion.completion",
            "Prints what makes a shell complete this program's words. For bash and zsh, write into "
            'its start-up file: eval "$(PROGRAM completion bash)"; for fish: '
            "PROGRAM completion fish | source.",
            click.Argument(["shell"], type=click.Choice(["bash", "zsh", "fish"]), metavar="SHELL"),
        )

    # ---- all of them

    def _group(
        self, help: str, entries: Mapping[str, Entry], examples: Mapping[str, str] = _NONE
    ) -> Group:
        return Group(help, entries, self._global, self._invocation, examples)

    def _entry(self, summary: str, run: str, help: str, *params: click.Parameter) -> Entry:
        return Entry(summary, lambda: self._command(run, help, *params))

    def _command(
        self,
        run: str,
        help: str,
        *params: click.Parameter,
        examples: Mapping[str, str] = _NONE,
        **known: object,
    ) -> Command:
        """Return a command; `run` names the function of this package that gets what was typed.

        Its module is loaded when it is called. What is `known` is passed on to it.
        """

        def do(**typed: object) -> Result:
            module, _, name = run.partition(".")
            function = getattr(import_module(f"peaceful._cli.commands.{module}"), name)
            result: Result = function(self._invocation, **known, **typed)
            return result

        return Command(self._invocation, help, [*params, *self._global], do, examples)

    def _help(self, context: click.Context) -> Result:
        return answer_help(context, self._invocation.page(self._invocation.stdout).width)

    def _help_command(self) -> click.Command:
        names = click.Argument(["names"], nargs=-1, metavar="[COMMAND]")

        def show(names: Sequence[str]) -> Result:
            context = click.get_current_context().find_root()
            words = [*names]
            while words and isinstance(context.command, click.Group):
                name, command, words = context.command.resolve_command(context, words)
                assert command is not None
                context = click.Context(command, info_name=name, parent=context)
            return self._help(context)

        return click.Command(None, params=[names, *self._global], callback=show)

    def _version(self, _context: click.Context) -> Result:
        name, version = self._app.name, self._app.version or self._installed_version()
        return text_answer({"app": name, "version": version}, f"{name} {version}".strip())

    def _installed_version(self) -> str:
        """Return the version of the distribution whose command this is; empty if it is of none."""
        from importlib import metadata  # it takes as long to load as all else that this needs

        own = {each.function.__module__.partition(".")[0] for each in self._app.flows.values()}
        scripts = metadata.entry_points(group="console_scripts")
        found = (each.dist for each in scripts if each.module.partition(".")[0] in own)
        return next((each.version for each in found if each is not None), "")


def _positive(_context: click.Context, _param: click.Parameter, value: str) -> int:
    return positive(value)


def _port(_context: click.Context, _param: click.Parameter, value: str) -> int:
    if not value.isdecimal() or int(value) > _HIGHEST_PORT:
        raise click.BadParameter(f"{value!r} is not a number from 0 to {_HIGHEST_PORT}.")
    return int(value)
