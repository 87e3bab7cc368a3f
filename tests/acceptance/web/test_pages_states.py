"""Each page in each state, as those see it who see little or much, by day and by night."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import guarded_app
import pytest
import pytest_asyncio
from browser import Tab
from page_views import good_to_everyone
from playwright.async_api import expect
from scripted_app import ACTS, ActServer, act_server, app

from peaceful import App, Given
from peaceful._storage.yaml_file import read_yaml
from peaceful._web.pages import view as _view
from peaceful.commands import Contexts, EnsureCmd

if TYPE_CHECKING:
    from pathlib import Path

OpenTab: TypeAlias = Callable[..., Awaitable[Tab]]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def acts(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ActServer]:
    """A server for all tests of this module; each has profiles of its own."""
    async with act_server(tmp_path_factory.mktemp("acts")) as server:
        yield server


@pytest_asyncio.fixture(loop_scope="session")
async def seen(acts: ActServer, open_tab: OpenTab) -> Tab:
    """A tab at the server."""
    return await open_tab(acts)


async def _running(acts: ActServer, **more: Any) -> tuple[str, str]:
    """An execution with four items: one done, two in progress, and one that waits for one of them.

    Returns:
        Its profile, and its ID.
    """
    profile = acts.profile(items=4, layers=2)
    half = ACTS.act(profile, "thing_2", waits=True)
    half.says, half.done = "half of it is there", 5
    whole = ACTS.act(profile, "thing_3", waits=True)
    execution_id = await acts.started(profile, **more)
    await asyncio.gather(half.reached.wait(), whole.reached.wait())
    return profile, execution_id


async def test_nothing_is_set_up(tmp_path: Path, open_tab: OpenTab) -> None:
    """The overview says how to begin."""
    async with act_server(tmp_path) as server:
        tab = await open_tab(server)
        await expect(tab.page.locator("main")).to_contain_text("Nothing is set up yet")
        await good_to_everyone(tab)
        # The overview asks now and then what runs: not a server that has ended.
        await tab.page.close()


async def test_the_overview(acts: ActServer, seen: Tab) -> None:
    """What runs comes first, then every profile, then what was executed last."""
    profile, execution_id = await _running(acts)
    await seen.open("/")
    card = seen.page.locator(".card.now", has=seen.page.locator(f"a[href$='{execution_id}']"))
    await expect(card.first).to_contain_text(f"Ensuring {profile}")
    assert "running" in await seen.page.title()
    await good_to_everyone(seen, "running")
    ACTS.all_open(profile)
    await acts.ended(execution_id)
    await expect(card).to_have_count(0)
    await seen.open("/")
    await expect(seen.page.get_by_role("row", name=profile).first).to_contain_text("complete")
    await good_to_everyone(seen, "idle")


async def test_a_profile(acts: ActServer, seen: Tab) -> None:
    """Its flows, what can be done, and what was executed on it."""
    profile = acts.profile(items=2)
    await acts.run(profile)
    await seen.open(f"/profiles/{profile}")
    await expect(seen.page.get_by_role("button", name="Ensure").first).to_be_visible()
    await good_to_everyone(seen)


async def test_a_flow(acts: ActServer, seen: Tab) -> None:
    """Its diagrams, its items and its parameters."""
    profile = acts.profile(items=4)
    await seen.open(f"/flows/make?profile={profile}")
    await expect(seen.page.locator(".diagram [data-item]")).to_have_count(8)
    await expect(seen.page.get_by_role("row", name="layers")).to_contain_text("2")
    await good_to_everyone(seen)


async def test_an_environment(acts: ActServer, seen: Tab) -> None:
    """What would change is shown before anything is started, once it was discovered."""
    profile = acts.profile(items=3, layers=3)
    await seen.open(f"/profiles/{profile}/make")
    changes = seen.page.locator("#diff")
    await expect(changes).to_contain_text("Not discovered yet")
    await good_to_everyone(seen, "never-discovered")
    await seen.page.get_by_role("button", name="Discover", exact=True).click()
    await expect(seen.page.locator("#head[data-state=complete]")).to_be_visible()
    await good_to_everyone(seen, "discovered")
    await seen.open(f"/profiles/{profile}/make")
    await expect(changes).to_contain_text("3 items of 3 differ")
    await expect(changes.get_by_text("differs", exact=True)).to_have_count(3)
    await expect(changes.locator("ins").first).to_have_text("made")
    await good_to_everyone(seen, "differs", thoroughly=True)
    await acts.run(profile)
    await seen.open(f"/profiles/{profile}/make")
    await expect(changes).to_contain_text("nothing differs")
    await good_to_everyone(seen, "as-it-should-be")


async def test_an_environment_that_is_busy(acts: ActServer, seen: Tab) -> None:
    """Leads to what runs, and offers nothing that would be refused."""
    profile, _ = await _running(acts)
    await seen.open(f"/profiles/{profile}/make")
    await expect(seen.page.get_by_role("link", name="Watch ensuring")).to_be_visible()
    await expect(seen.page.get_by_role("button")).to_have_count(0)
    await good_to_everyone(seen)
    ACTS.all_open(profile)


async def test_parameters(acts: ActServer, seen: Tab) -> None:
    """What is missing or wrong is said beside its field, and what was typed is kept."""
    seen.expect("422")
    profile = acts.profile(items=3)
    await seen.open(f"/profiles/{profile}/other")
    page = seen.page
    await expect(page.get_by_role("alert").filter(has_text="needed")).to_be_visible()
    await good_to_everyone(seen, "missing")
    await page.get_by_label("why").fill("typed <b>by hand</b>")
    await page.get_by_label("needed").fill("11")
    await page.get_by_role("button", name="Ensure…").first.click()
    wrong = page.get_by_label("needed")
    await expect(wrong).to_have_attribute("aria-invalid", "true")
    await expect(wrong).to_have_value("11")
    await expect(wrong).to_have_accessible_description("it must be at most 9, not '11'")
    await expect(page.get_by_label("why")).to_have_value("typed <b>by hand</b>")
    await good_to_everyone(seen, "wrong", thoroughly=True)
    await wrong.fill("3")
    await page.get_by_role("button", name="Ensure…").last.click()
    await expect(page.locator("#plan .planned")).to_contain_text("typed <b>by hand</b>")
    await good_to_everyone(seen, "planned", thoroughly=True)
    await page.get_by_role("button", name="Ensure this change").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("is as it should be")
    await seen.open(f"/profiles/{profile}/other")
    await expect(page.locator("#diff")).to_contain_text("nothing differs")
    await expect(page.get_by_label("needed")).to_have_value("3")


async def test_executions(acts: ActServer, seen: Tab) -> None:
    """Can be narrowed down, and paged through."""
    profile = acts.profile(items=1, layers=1)
    every = [await acts.run(profile, "discover") for _ in range(3)]
    ACTS.act(profile, "thing_1").fails = "It does not want to."
    failed = await acts.run(profile)
    page = seen.page
    await seen.open("/executions")
    await page.get_by_label("Profile").select_option(profile)
    await page.get_by_label("State").select_option("failed")
    await page.get_by_role("button", name="Show").click()
    await expect(page.locator("tbody tr")).to_have_count(1)
    await expect(page.locator(f"a[href$='{failed}']").first).to_be_visible()
    await good_to_everyone(seen, "filtered")
    await seen.open(f"/executions?profile={profile}&limit=2")
    await expect(page.locator("tbody tr")).to_have_count(2)
    await page.get_by_role("link", name="Older").click()
    await expect(page.locator(f"a[href$='{every[0]}']").first).to_be_visible()
    await expect(page.get_by_role("link", name="Older")).to_have_count(0)
    await expect(page.get_by_label("Profile")).to_have_value(profile)
    await good_to_everyone(seen, "older")
    await seen.open(f"/executions?profile={acts.profile(items=1)}")
    await expect(page.locator("main")).to_contain_text("None yet")
    await good_to_everyone(seen, "none")


async def test_an_execution_from_its_start_to_its_end(acts: ActServer, seen: Tab) -> None:
    """Running, interrupting, interrupted, resumed, complete: each is told in words."""
    profile, execution_id = await _running(acts)
    page = seen.page
    await seen.open(f"/executions/{execution_id}")
    head, note = page.locator("#head"), page.locator("#note")
    await expect(head).to_contain_text(f"Ensuring {profile}")
    await expect(note).to_have_text("thing_2 and thing_3 are in progress; 1 waiting.")
    await expect(page.locator("#row-thing_2")).to_contain_text("half of it is there · 5 of 10")
    await expect(page.locator("#row-thing_4")).to_contain_text("after thing_2")
    await good_to_everyone(seen, "running", thoroughly=True)
    await acts.interrupted(execution_id, reason="wrong <i>version</i>")
    await expect(head).to_have_attribute("data-state", "interrupting")
    await expect(note).to_contain_text("thing_2 and thing_3 are finishing; nothing new will start.")
    await expect(page.locator("#row-thing_4")).to_contain_text("will not start")
    await good_to_everyone(seen, "interrupting")
    ACTS.all_open(profile)
    await expect(head).to_have_attribute("data-state", "interrupted")
    await expect(head).to_contain_text("Interrupted, safely")
    await expect(note).to_contain_text("3 of 4 are as they should be. thing_4 was not started.")
    await expect(page.locator("#meter")).to_contain_text("wrong <i>version</i>")
    await good_to_everyone(seen, "interrupted", thoroughly=True)
    await page.get_by_role("button", name="Resume").click()
    await expect(head).to_have_attribute("data-state", "complete")
    await expect(head).to_contain_text(f"{profile} is as it should be")
    await expect(page.locator("#meter")).to_contain_text("3 unchanged")
    await expect(page.locator("#meter")).to_contain_text("resumed from")
    await good_to_everyone(seen, "complete")


async def test_an_execution_that_failed(acts: ActServer, seen: Tab) -> None:
    """Says of each failure what happened, and what to do now."""
    profile = acts.profile(items=4)
    ACTS.act(profile, "thing_1").fails = "The shelf is full: 12 of 12 places are taken."
    execution_id = await acts.run(profile)
    await seen.open(f"/executions/{execution_id}")
    page = seen.page
    await expect(page.locator("#head")).to_contain_text("thing_1 failed")
    failure = page.locator("#failures section")
    await expect(failure).to_contain_text("The shelf is full")
    await expect(failure).to_contain_text("Leave it alone")
    await failure.get_by_role("link", name="thing_1").click()
    await expect(page.locator("#row-thing_1:target")).to_be_in_viewport()
    await good_to_everyone(seen, thoroughly=True)


async def test_a_dry_run_limited_to_an_item(acts: ActServer, seen: Tab) -> None:
    """Says that nothing was changed, and what it was limited to."""
    profile = acts.profile(items=4)
    execution_id = await acts.run(profile, dry_run=True, only=["thing_1"])
    await seen.open(f"/executions/{execution_id}")
    head = seen.page.locator("#head")
    await expect(head).to_contain_text("Dry run complete: nothing was changed")
    await expect(head).to_contain_text("only thing_1")
    await expect(seen.page.locator("#meter .legend")).to_contain_text("would create 1")
    await expect(seen.page.locator("#row-thing_1 .chip")).to_have_text("would create")
    await expect(seen.page.locator("#rows tr")).to_have_count(1)
    await good_to_everyone(seen)


async def test_an_execution_that_cannot_be_interrupted(acts: ActServer, seen: Tab) -> None:
    """Says so, instead of a button; a program runs it."""
    profile = acts.profile(items=2)
    act = ACTS.act(profile, "thing_1", waits=True)
    contexts = Contexts.of(app, acts.folder)
    running = asyncio.ensure_future(EnsureCmd.exec(contexts.cmd_ctx(profile, "make")))
    await act.reached.wait()
    (record,) = contexts.executions.list(profile=profile).records
    await seen.open(f"/executions/{record.id}")
    page = seen.page
    await expect(page.locator("#head")).to_contain_text("It cannot be interrupted")
    await expect(page.get_by_role("button", name="Interrupt")).to_have_count(0)
    await good_to_everyone(seen)
    ACTS.all_open(profile)
    await running
    await expect(page.locator("#head")).to_have_attribute("data-state", "complete")


async def test_defaults(acts: ActServer, seen: Tab) -> None:
    """A field shows a default without making it a choice; emptied, it goes back to it."""
    profile, page = acts.profile(items=1), seen.page
    path = acts.folder / ".peace/acts" / profile / "other/flow_params.yaml"
    why, sure = page.get_by_label("why"), page.locator("#param-sure")

    async def stored() -> list[str]:
        await page.get_by_role("button", name="Discover").click()
        await expect(page.locator("#head[data-state=complete]")).to_be_visible()
        await seen.open(f"/profiles/{profile}/other")
        return list(read_yaml(path) or {})

    await seen.open(f"/profiles/{profile}/other")
    await expect(why).to_have_value("")
    await expect(why).to_have_attribute("placeholder", "because")
    await expect(sure.locator("option:checked")).to_have_text("default: no")
    await good_to_everyone(seen, "defaults")
    await page.get_by_label("needed").fill("3")
    assert await stored() == ["needed"]
    await why.fill("so")
    await sure.select_option("yes")
    assert await stored() == ["needed", "why", "sure"]
    await expect(why).to_have_value("so")
    assert await stored() == ["needed", "why", "sure"]
    await why.fill("")
    await sure.select_option(label="default: no")
    assert await stored() == ["needed"]


async def test_a_flow_that_a_later_version_does_not_have(tmp_path: Path, open_tab: OpenTab) -> None:
    """What is left of it is shown on its profile's pages, and cleaned up from there."""
    contexts = Contexts.of(app, tmp_path)
    contexts.init({"items": Given(2, "a test")}, profile="left_behind", flow="make")
    await EnsureCmd.exec(contexts.cmd_ctx("left_behind", "make"))
    later = App(app.name)
    later.flow("now")(lambda _: None)
    async with act_server(tmp_path, later) as server:
        tab = await open_tab(server)
        page = tab.page
        for path in ("/profiles/left_behind", "/profiles/left_behind/make", "/"):
            await tab.open(path)
            await good_to_everyone(tab, re.sub(r"\W", "_", path))
        row = page.get_by_role("row", name="left_behind make")
        await expect(row).to_contain_text("stored states are left")
        await row.get_by_role("link", name="Clean…").click()
        question = page.get_by_role("dialog")
        await expect(question).to_contain_text("thing_1 and thing_2")
        await question.get_by_role("button", name="Clean left_behind").click()
        await expect(page.locator("#head")).to_contain_text("left_behind is cleaned up")
        await good_to_everyone(tab, "cleaned")
        await tab.open("/")
        await expect(page.locator("main")).not_to_contain_text("stored states are left")
        await page.close()


@pytest.mark.parametrize("script", [True, False])
async def test_the_higher_levels(acts: ActServer, open_tab: OpenTab, *, script: bool) -> None:
    """Are asked for by name, each after it was said what it costs."""
    tab = await open_tab(acts, java_script_enabled=script)
    profile = acts.profile(items=2)
    act = ACTS.act(profile, "thing_1", waits=True)
    execution_id = await acts.started(profile)
    await act.reached.wait()
    page, head = tab.page, tab.page.locator("#head")

    async def confirmed(label: str, cost: str) -> None:
        question = (
            page.get_by_role("dialog") if script and label != "Kill" else page.locator("main")
        )
        await expect(question.get_by_role("heading")).to_have_text(f"{label}?")
        await expect(question).to_contain_text(cost)
        await good_to_everyone(tab, label) if script else None
        await question.get_by_role("button", name=label).click()
        if not script:
            await page.wait_for_url(f"**/executions/{execution_id}")
            await acts.ended(execution_id)
            await page.reload()
        await expect(head).to_have_attribute("data-state", "interrupted")

    await tab.open(f"/executions/{execution_id}")
    await page.get_by_role("button", name="Interrupt").click()
    await page.get_by_role("link", name="Stop now…").click()
    await confirmed("Stop now", "may be half done")
    await expect(page.locator("#row-thing_1")).to_contain_text("asked to end")
    act.deaf = True
    act.reached.clear()
    execution_id = await acts.started(profile)
    await act.reached.wait()
    await tab.open(f"/executions/{execution_id}/interrupt?level=kill")
    await confirmed("Kill", "abandoned where it is")
    await expect(page.locator("#row-thing_1")).to_contain_text("abandoned")
    await good_to_everyone(tab, "abandoned") if script else None


@pytest.mark.parametrize("script", [True, False])
async def test_an_interrupt_that_is_waited_for_in_vain(
    acts: ActServer, open_tab: OpenTab, monkeypatch: pytest.MonkeyPatch, *, script: bool
) -> None:
    """The page says that nothing moves, and offers to stop now as what to do."""
    tab = await open_tab(acts, java_script_enabled=script)
    page = tab.page
    profile, execution_id = await _running(acts)
    await acts.interrupted(execution_id)
    await tab.open(f"/executions/{execution_id}")
    await expect(page.locator("#note")).to_contain_text("What is done stays done.")
    monkeypatch.setattr(_view, "STILL", 0.0)
    if not script:
        await page.reload()
    await expect(page.locator("#note")).to_contain_text("Nothing has moved for a while.")
    stop_now = page.get_by_role("link", name="Stop now…")
    await expect(stop_now).to_have_class(re.compile(r"\bbutton stop\b"))
    await good_to_everyone(tab, "overdue") if script else None
    ACTS.all_open(profile)
    await acts.ended(execution_id)
    if not script:
        await page.reload()
    await expect(page.locator("#head")).to_have_attribute("data-state", "interrupted")


async def test_cleaning_up(acts: ActServer, seen: Tab) -> None:
    """Asks before, and says what it removes."""
    profile = acts.profile(items=3)
    execution_id = await acts.run(profile)
    page = seen.page
    await seen.open(f"/executions/{execution_id}")
    await page.get_by_role("link", name="Clean…").click()
    question = page.get_by_role("dialog")
    await expect(question).to_contain_text("thing_1, thing_2 and thing_3")
    await good_to_everyone(seen, "question")
    await question.get_by_role("link", name="Go back").click()
    await expect(question).to_have_count(0)
    await seen.open(f"/profiles/{profile}/make/clean")
    await good_to_everyone(seen, "page")
    await page.get_by_role("button", name=f"Clean {profile}").click()
    await expect(page.locator("#head")).to_contain_text(f"{profile} is cleaned up")
    await good_to_everyone(seen, "cleaned")


async def test_cleaning_up_what_is_protected(
    tmp_path: Path, open_tab: OpenTab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Needs the profile's name, typed; a dry run does not."""
    monkeypatch.setenv("GUARDED_TOKEN", "secret")
    given = {"guarded": Given("true", "a test")}
    Contexts.of(guarded_app.app, tmp_path).init(given, profile="live", flow="keep")
    async with act_server(tmp_path, guarded_app.app) as server:
        tab = await open_tab(server)
        tab.expect("42[02]|400")
        page = tab.page
        await tab.open("/profiles/live/keep")
        await expect(page.get_by_label("token")).not_to_be_editable()
        await expect(page.locator("main")).not_to_contain_text('secret"')
        await page.get_by_role("link", name="Clean…").click()
        question = page.get_by_role("dialog")
        await expect(question.get_by_label("Type live to go on")).to_be_focused()
        await good_to_everyone(tab, "question")
        await question.get_by_role("button", name="Dry run").click()
        await expect(page.locator("h1")).to_contain_text("nothing was changed")
        await tab.open("/profiles/live/keep/clean")
        await page.get_by_label("Type live").fill("dev")
        await page.get_by_role("button", name="Clean live").click()
        await expect(page.get_by_role("alert").first).to_contain_text("its name was not typed")
        await good_to_everyone(tab, "refused")
        await page.get_by_label("Type live").fill("live")
        await page.get_by_role("button", name="Clean live").click()
        await expect(page.locator("h1")).to_have_text("live is cleaned up")
        await page.close()


async def test_the_description_of_the_interface(acts: ActServer, seen: Tab) -> None:
    """For people who write programs."""
    await seen.open("/api/docs")
    await seen.page.get_by_text("Execution", exact=True).last.click()
    await good_to_everyone(seen)


async def test_problems(acts: ActServer, seen: Tab, open_tab: OpenTab) -> None:
    """Are told with what to do, and with a way on."""
    seen.expect("40[149]")
    profile = acts.profile(items=2)
    await seen.open("/executions/01a20987-0000-7000-8000-000000000000")
    await expect(seen.page.get_by_role("alert").first).to_contain_text("EXECUTION-UNKNOWN")
    await good_to_everyone(seen, "unknown")
    await seen.open("/profiles/nobody/make")
    await expect(seen.page.get_by_role("alert").first).to_contain_text("nobody")
    await seen.open(f"/profiles/{profile}/make")
    act = ACTS.act(profile, "thing_1", waits=True)
    execution_id = await acts.started(profile)
    await act.reached.wait()
    await seen.page.get_by_label("value").fill("typed by hand")
    await seen.page.get_by_role("button", name="Discover", exact=True).click()
    await expect(seen.page.get_by_role("alert").first).to_contain_text("is running ensure")
    await expect(seen.page.get_by_label("value")).to_have_value("typed by hand")
    await good_to_everyone(seen, "busy")
    await seen.page.get_by_role("link", name="Watch ensuring").click()
    await seen.page.wait_for_url(f"**/{execution_id}")
    act.open.set()
    await seen.page.context.clear_cookies()
    await seen.open(f"/executions/{execution_id}")
    await expect(seen.page.get_by_label("Token")).to_be_visible()
    await good_to_everyone(seen, "signed-out")
    await seen.page.get_by_label("Token").fill(acts.token)
    await seen.page.keyboard.press("Enter")
    await expect(seen.page.get_by_role("heading", level=1)).to_have_text("acts")
