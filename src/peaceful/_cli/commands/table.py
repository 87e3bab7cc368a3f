"""The commands of every application: names, options, help. What runs them is loaded when needed."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

import click

from peaceful._cli.program.group import Command, CommandParts, Entry, Group
from peaceful._cli.program.invocation import Invocation
from peaceful._cli.program.options import complete_execution, complete_item, offering, positive
from peaceful._cli.program.result import Result
from peaceful._model.interrupt import InterruptLevel

if TYPE_CHECKING:
    from peaceful._commands.run_request import CommandName

SHELLS = ("bash", "zsh", "fish")


def command_line(invocation: Invocation) -> click.Group:
    """Return the command line of an application."""
    return _CommandLine(invocation).group()


class _CommandLine(CommandParts):
    def group(self) -> click.Group:
        app = self._app
        ensure = Entry("Bring everything to its goal; resumes what was cut.", self._ensure)
        entries = {
            "init": Entry("Store the parameters of workspace, profile and flows.", self._init),
            "profile": Entry("List profiles, or show one.", self._profile),
            "switch": Entry("Take another profile into use, or create one.", self._switch),
            "discover": Entry("Find and store what is there, and what should be.", self._discover),
            "status": Entry("Show the stored current states.", lambda: self._states("current")),
            "goal": Entry("Show the stored goal states.", lambda: self._states("goal")),
            "diff": Entry("Show what differs from the goal, or between profiles.", self._diff),
            app.ensure_name: ensure,
            "clean": Entry("Remove everything again, in reverse order.", self._clean),
            "executions": Entry("Show what was executed, and how it ended.", self._executions),
            "interrupt": Entry("Interrupt what runs, whoever started it.", self._interrupt),
            "web": Entry("Serve pages to start, watch and interrupt it all.", self._web),
            "key": Entry("Make keys that secrets are stored with.", self._key),
            "completion": Entry("Print what makes a shell complete words.", self._completion),
        }
        if app.ensure_name != "ensure":
            entries["ensure"] = Entry(ensure.help, ensure.make, listed=False)
        return self._group(shlex.join(self._invocation.program), app.help, entries, prefix="")

    # ---- commands with a flow

    def _discover(self) -> Command:
        def do() -> Result:
            from peaceful._cli.commands.execute import apply

            return apply(self._invocation, "discover")

        return self._command("discover", do, "Finds and stores current and goal states.")

    def _diff(self) -> Command:
        def do(profiles: tuple[str, ...], stored: bool) -> Result:
            from peaceful._cli.commands.diff import diff

            return diff(self._invocation, profiles, stored=stored)

        two = "[PROFILE_A PROFILE_B]"
        return self._command(
            "diff",
            do,
            "Shows what ensure would change; or with two profiles, how their stored states differ.",
            click.Argument(
                ["profiles"], nargs=-1, metavar=two, shell_complete=self._complete_profile
            ),
            _flag("--stored", "Compare what is stored, without looking at what is there."),
        )

    def _ensure(self) -> Command:
        return self._applying("ensure", "Brings current states to goal states.")

    def _clean(self) -> Command:
        means = "Do not ask whether a profile that is protected is really to be cleaned up."
        yes = [] if self._app.asks_before_clean is None else [_flag("--yes", means)]
        return self._applying("clean", "Cleans everything up, in reverse order.", *yes)

    def _applying(self, name: CommandName, does: str, *options: click.Option) -> Command:
        def do(**choices: Any) -> Result:  # noqa: ANN401  as click has read them
            from peaceful._cli.commands.execute import apply

            return apply(self._invocation, name, **choices)

        said = self._options
        items = offering(lambda: complete_item(said.workspace, self._app, said.profile, said.flow))
        return self._command(
            name,
            do,
            f"{does} Run it again to resume: what is done is not repeated.",
            _flag("--dry-run", "Only say what would be done."),
            click.Option(
                ["--only"],
                multiple=True,
                metavar="ITEM...",
                help="Only these items.",
                shell_complete=items,
            ),
            click.Option(
                ["--sync"],
                type=click.Choice(["none", "current", "both"]),
                default="none",
                help="Which stored states must still be what is there; else nothing is done."
                "  [default: none]",
            ),
            *options,
            click.Argument(["more_items"], nargs=-1, metavar="", shell_complete=items),
        )

    def _states(self, kind: str) -> Command:
        def do() -> Result:
            from peaceful._cli.commands.states import states

            return states(self._invocation, kind)

        name = "status" if kind == "current" else kind
        return self._command(name, do, f"Shows the stored {kind} states; changes nothing.")

    # ---- parameters and profiles

    def _init(self) -> Command:
        from peaceful._cli.commands.params import declared_params, params_options, params_words

        params = declared_params(self._app, self._options.flow)
        name = click.Argument(["named_profile"], required=False, metavar="[PROFILE]")

        def do(named_profile: str | None = None, **values: Any) -> Result:  # noqa: ANN401  as click has read them
            from peaceful._cli.commands.params import given_params, init

            return init(self._invocation, given_params(params, values), named_profile)

        return self._command(
            "init",
            do,
            "Stores parameters, and takes the profile into use. What is not given keeps its value.",
            *([name] if self._app.names_profiles else []),
            *params_options(params),
            *params_words(params),
        )

    def _switch(self) -> Command:
        from peaceful._cli.commands.params import declared_params, params_options

        params = declared_params(self._app, self._options.flow)

        def do(new_profile: str, create: bool, **values: Any) -> Result:  # noqa: ANN401  as click has read them
            from peaceful._cli.commands.params import given_params, switch

            given = given_params(params, values)
            return switch(self._invocation, new_profile, create=create, given=given)

        return self._command(
            "switch",
            do,
            "Takes another profile into use. A new one can be given parameters, as by init.",
            click.Argument(
                ["new_profile"], metavar="PROFILE", shell_complete=self._complete_profile
            ),
            _flag("--create", "It is a new profile."),
            *params_options(params),
        )

    def _profile(self) -> Group:
        def list_() -> Result:
            from peaceful._cli.commands.params import profile_list

            return profile_list(self._invocation)

        def show(shown_profile: str | None) -> Result:
            from peaceful._cli.commands.params import profile_show

            return profile_show(self._invocation, shown_profile)

        argument = click.Argument(
            ["shown_profile"],
            required=False,
            metavar="[PROFILE]",
            shell_complete=self._complete_profile,
        )
        entries = {
            **self._entry(
                "list",
                "List the profiles; a star marks the one in use.",
                list_,
                "Lists the profiles.",
            ),
            **self._entry(
                "show",
                "Show the parameters of a profile.",
                show,
                "Shows a profile; the one in use if none is named.",
                argument,
            ),
        }
        return self._group("profile", "Lists profiles, or shows one.", entries)

    def _key(self) -> Group:
        def new(file: str) -> Result:
            from peaceful._cli.commands.keys import key_new

            return key_new(file)

        def rotate() -> Result:
            from peaceful._cli.commands.keys import key_rotate

            return key_rotate(self._invocation)

        entries = {
            **self._entry(
                "new",
                "Put a new key in front of those of a file.",
                new,
                "Puts a new key in front of those of a file, which is made where it is missing. "
                "Name the file in PEACEFUL_KEY_FILE.",
                click.Argument(["file"], metavar="FILE"),
            ),
            **self._entry(
                "rotate",
                "Store every secret anew with the first key.",
                rotate,
                "Stores every secret of the workspace anew with the first key; afterwards the "
                "others can be removed.",
            ),
        }
        return self._group("key", "Makes keys that secrets are stored with.", entries)

    # ---- executions

    def _executions(self) -> Group:
        def list_(limit: int) -> Result:
            from peaceful._cli.commands.executions import executions_list

            return executions_list(self._invocation, limit)

        def show(execution_id: str) -> Result:
            from peaceful._cli.commands.executions import executions_show

            return executions_show(self._invocation, execution_id)

        limit = click.Option(
            ["--limit"],
            default="20",
            metavar="N",
            callback=_positive_value,
            help="How many, from the newest on.  [default: 20]",
        )
        entries = {
            **self._entry(
                "list",
                "List executions, newest first.",
                list_,
                "Lists executions, newest first.",
                limit,
            ),
            **self._entry(
                "show",
                "Show an execution, item by item.",
                show,
                "Shows an execution, item by item. The beginning of its ID is enough.",
                self._id_argument(required=True),
            ),
        }
        does = "Shows what was executed, when, by whom, and how it ended."
        return self._group("executions", does, entries)

    def _interrupt(self) -> Command:
        def do(execution_id: str | None, level: str, reason: str | None) -> Result:
            from peaceful._cli.commands.executions import interrupt

            return interrupt(self._invocation, execution_id, level, reason)

        return self._command(
            "interrupt",
            do,
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
        )

    def _id_argument(self, *, required: bool) -> click.Argument:
        return click.Argument(
            ["execution_id"],
            required=required,
            metavar="ID" if required else "[ID]",
            shell_complete=offering(lambda: complete_execution(self._app, self._options.workspace)),
        )

    # ---- others

    def _web(self) -> Command:
        from peaceful._cli.commands.web_options import WebChoices, web_params

        def do(**choices: Any) -> Result:  # noqa: ANN401  as click has read them
            from peaceful._cli.commands.web import web

            return web(self._invocation, WebChoices(**choices))

        return self._command(
            "web",
            do,
            "Serves pages to start, watch, interrupt and resume executions, until Ctrl-C. Prints "
            "their address, with the token that opens them.",
            *web_params(),
        )

    def _completion(self) -> Command:
        def do(shell: str) -> Result:
            from peaceful._cli.program.completion import completion

            return completion(self._invocation, shell)

        return self._command(
            "completion",
            do,
            "Prints what makes a shell complete this program's words. For bash and zsh, write into "
            'its start-up file: eval "$(PROGRAM completion bash)"; for fish: '
            "PROGRAM completion fish | source.",
            click.Argument(["shell"], type=click.Choice(SHELLS), metavar="SHELL"),
        )


def _flag(name: str, help: str) -> click.Option:
    return click.Option([name], is_flag=True, help=help)


def _positive_value(_context: click.Context, _param: click.Parameter, value: str) -> int:
    return positive(value)
