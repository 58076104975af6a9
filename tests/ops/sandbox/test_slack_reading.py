"""What the simulated Slack hands out, over the wire: lists, messages, threads, files, people."""

from __future__ import annotations

import httpx2
import pytest

from apps.ops.sandbox.slack.state import Refused
from apps.ops.sandbox.slack.workspace import SlackWorkspace
from tests.ops.sandbox.slack_client import Caller, Scene, people_of, scene

__all__ = ["scene"]  # a fixture

ALL = "public_channel,private_channel,mpim,im"


def texts(caller: Caller, channel_id: str, **arguments: str) -> list[str]:
    found = caller.all("conversations.history", "messages", channel=channel_id, **arguments)
    return [message["text"] for message in found]


def test_ids_are_the_same_with_the_same_seed() -> None:
    first, second = (people_of(SlackWorkspace(seed=7), "") for _ in range(2))
    assert (first.ada, first.secret) == (second.ada, second.secret)
    assert people_of(SlackWorkspace(seed=8), "").ada != first.ada


def test_a_bot_lists_public_channels_and_the_private_ones_it_is_in(scene: Scene) -> None:
    bot = scene.bot()
    listed = bot.all("conversations.list", "channels", types=ALL)
    assert [each["name"] for each in listed] == ["general"]
    scene.add_bot_to(scene.secret)
    listed = bot.all("conversations.list", "channels", types=ALL)
    assert {each["name"] for each in listed} == {"general", "secret"}
    assert [each["is_private"] for each in listed if each["id"] == scene.secret] == [True]


def test_a_bot_reads_only_what_it_was_added_to(scene: Scene) -> None:
    bot = scene.bot()
    assert bot.error("conversations.history", channel=scene.general) == "not_in_channel"
    assert bot.error("conversations.history", channel=scene.secret) == "channel_not_found"
    assert bot.error("conversations.members", channel=scene.secret) == "channel_not_found"
    scene.workspace.post(scene.general, scene.ada, "Hello")
    assert bot.get("conversations.join", channel=scene.general)["channel"]["is_member"]
    assert texts(bot, scene.general) == ["Hello"]


def test_a_guest_sees_only_the_channels_they_are_in(scene: Scene) -> None:
    guest = scene.person(scene.guest, "channels:read", "channels:history")
    assert guest.all("conversations.list", "channels") == []
    assert guest.error("conversations.info", channel=scene.general) == "channel_not_found"
    scene.workspace.invite(scene.general, scene.guest)
    assert [c["id"] for c in guest.all("conversations.list", "channels")] == [scene.general]


def test_a_member_reads_public_channels_without_being_in_them(scene: Scene) -> None:
    club = scene.workspace.create_channel("club", scene.bo)
    scene.workspace.post(club.id, scene.bo, "Chess on Friday")
    cy = scene.person(scene.cy, "channels:read", "channels:history")
    assert texts(cy, club.id) == ["Chess on Friday"]


def test_pages_neither_lose_nor_repeat_while_messages_go(scene: Scene) -> None:
    bot = scene.bot()
    scene.add_bot_to(scene.general)
    posted = [scene.workspace.post(scene.general, scene.ada, f"Note {n}") for n in range(7)]
    first = bot.get("conversations.history", channel=scene.general, limit="3")
    scene.workspace.delete(scene.general, posted[4].ts)
    scene.workspace.post(scene.general, scene.ada, "Newest")
    cursor = first["response_metadata"]["next_cursor"]
    rest = bot.get("conversations.history", channel=scene.general, cursor=cursor)
    assert [m["text"] for m in first["messages"]] == ["Note 6", "Note 5", "Note 4"]
    assert [m["text"] for m in rest["messages"]] == ["Note 3", "Note 2", "Note 1", "Note 0"]
    assert first["has_more"] and not rest["has_more"]


def test_bounds_leave_out_what_they_name_unless_inclusive(scene: Scene) -> None:
    bot = scene.bot()
    scene.add_bot_to(scene.general)
    first, second, third = (scene.workspace.post(scene.general, scene.ada, t).ts for t in "abc")
    assert texts(bot, scene.general, oldest=first, latest=third) == ["b"]
    around = {"oldest": first, "latest": third, "inclusive": "true"}
    assert texts(bot, scene.general, **around) == ["c", "b", "a"]
    assert texts(bot, scene.general, latest=second) == ["a"]
    asked = {"channel": scene.general, "oldest": "99999999999"}
    assert bot.error("conversations.history", **asked) == "invalid_ts_oldest"


def test_threads_stand_apart_from_the_history(scene: Scene) -> None:
    workspace, bot = scene.workspace, scene.bot()
    scene.add_bot_to(scene.general)
    parent = workspace.post(scene.general, scene.ada, "Who has the key?")
    workspace.post(scene.general, scene.bo, "Not me", thread_ts=parent.ts)
    shout = workspace.post(scene.general, scene.cy, "I do!", thread_ts=parent.ts, broadcast=True)
    told = bot.get("conversations.history", channel=scene.general)["messages"]
    assert [m["text"] for m in told] == ["I do!", "Who has the key?"]
    assert (told[1]["reply_count"], told[1]["latest_reply"]) == (2, shout.ts)
    thread = bot.all("conversations.replies", "messages", channel=scene.general, ts=parent.ts)
    assert [m["text"] for m in thread] == ["Who has the key?", "Not me", "I do!"]
    paged = bot.all(
        "conversations.replies", "messages", channel=scene.general, ts=parent.ts, limit="1"
    )
    assert paged == thread
    missing = bot.error("conversations.replies", channel=scene.general, ts="1700000000.000001")
    assert missing == "thread_not_found"


def test_an_edit_says_so_and_a_deleted_parent_leaves_a_tombstone(scene: Scene) -> None:
    workspace, bot = scene.workspace, scene.bot()
    scene.add_bot_to(scene.general)
    parent = workspace.post(scene.general, scene.ada, "Draft")
    reply = workspace.post(scene.general, scene.bo, "Nice", thread_ts=parent.ts)
    workspace.edit(scene.general, parent.ts, "Final")
    (told,) = bot.get("conversations.history", channel=scene.general)["messages"]
    assert (told["text"], told["edited"]["user"]) == ("Final", scene.ada)
    workspace.delete(scene.general, parent.ts)
    (told,) = bot.get("conversations.history", channel=scene.general)["messages"]
    assert (told["subtype"], told["reply_count"]) == ("tombstone", 1)
    assert {m.text for m in workspace.live_messages().values()} == {"Nice"}
    workspace.delete(scene.general, reply.ts)
    assert texts(bot, scene.general) == []


def test_archived_channels_stay_readable_and_closed_for_writing(scene: Scene) -> None:
    workspace, bot = scene.workspace, scene.bot()
    old = workspace.create_channel("old", scene.ada)
    workspace.post(old.id, scene.ada, "Remember this")
    scene.add_bot_to(old.id)
    workspace.archive(old.id)
    assert "Remember this" in texts(bot, old.id)
    listed = bot.all("conversations.list", "channels", exclude_archived="true")
    assert old.id not in {each["id"] for each in listed}
    with pytest.raises(Refused, match="is_archived"):
        workspace.post(old.id, scene.ada, "Too late")


def test_a_channel_made_private_keeps_its_id_and_shuts_others_out(scene: Scene) -> None:
    workspace = scene.workspace
    club = workspace.create_channel("club", scene.bo)
    cy = scene.person(scene.cy, "channels:read", "groups:read")
    assert cy.get("conversations.info", channel=club.id)["channel"]["is_private"] is False
    workspace.make_private(club.id)
    assert cy.error("conversations.info", channel=club.id) == "channel_not_found"
    assert workspace.readers(club.id) == {"bo@tarn.example"}


def test_files_stand_where_they_are_shared(scene: Scene) -> None:
    workspace, bot = scene.workspace, scene.bot()
    file = workspace.upload(
        scene.bo, "plan b.txt", b"The plan", "text/plain", channel_ids=[scene.secret]
    )
    assert bot.error("files.info", file=file.id) == "file_not_found"
    assert bot.get("files.list")["files"] == []
    scene.add_bot_to(scene.secret)
    told = bot.get("files.info", file=file.id)["file"]
    assert (told["channels"], told["groups"], told["ims"]) == ([], [scene.secret], [])
    assert bot.get("files.list", channel=scene.secret)["paging"]["total"] == 1
    got = httpx2.get(told["url_private_download"], headers=bot.headers())
    assert (got.content, got.headers["content-type"].split(";")[0]) == (b"The plan", "text/plain")
    workspace.unshare_file(file.id, scene.secret)
    assert bot.error("files.info", file=file.id) == "file_not_found"
    assert workspace.file_readers(file.id) == {"bo@tarn.example"}


@pytest.mark.parametrize("token", ["", "xoxb-wrong"])
def test_a_download_without_a_right_is_a_page_and_status_200(scene: Scene, token: str) -> None:
    file = scene.workspace.upload(scene.bo, "a.txt", b"x", "text/plain")
    scene.bot()
    place = f"{scene.base}/files-pri/{scene.workspace.team_id}-{file.id}/download/a.txt"
    got = httpx2.get(place, headers=Caller("", token).headers())
    assert (got.status_code, got.headers["content-type"].split(";")[0]) == (200, "text/html")


def test_people_groups_and_the_team(scene: Scene) -> None:
    workspace, bot = scene.workspace, scene.bot()
    leads = workspace.add_group("leads", "Leads", [scene.ada])
    workspace.deactivate(scene.cy)
    listed = {each["id"]: each for each in bot.all("users.list", "members", limit="2")}
    assert listed[scene.cy]["deleted"] and listed[scene.guest]["is_restricted"]
    assert listed[scene.ada]["profile"]["email"] == "ada@tarn.example"
    assert listed[workspace.bot_user_id]["is_bot"]
    found = bot.get("users.lookupByEmail", email="BO@tarn.example")["user"]["id"]
    assert found == bot.get("users.info", user=scene.bo)["user"]["id"]
    assert bot.error("users.lookupByEmail", email="cy@tarn.example") == "users_not_found"
    (group,) = bot.get("usergroups.list", include_users="true")["usergroups"]
    assert group["users"] == [scene.ada]
    assert bot.get("usergroups.users.list", usergroup=leads.id)["users"] == [scene.ada]
    assert bot.get("team.info")["team"]["name"] == "Tarn"
    assert bot.get("auth.test")["user_id"] == workspace.bot_user_id


def test_direct_messages_exist_for_those_in_them(scene: Scene) -> None:
    workspace = scene.workspace
    dm = workspace.open_dm([scene.ada, scene.bo])
    assert workspace.open_dm([scene.bo, scene.ada]).id == dm.id
    group = workspace.open_dm([scene.ada, scene.bo, scene.cy])
    bo = scene.person(scene.bo, "im:read", "mpim:read", "im:history")
    assert {c["id"] for c in bo.all("conversations.list", "channels", types="im,mpim")} == {
        dm.id,
        group.id,
    }
    cy = scene.person(scene.cy, "im:read")
    assert cy.error("conversations.info", channel=dm.id) == "channel_not_found"
    assert workspace.readers(dm.id) == {"ada@tarn.example", "bo@tarn.example"}


def test_slack_connect_lets_strangers_in_by_membership(scene: Scene) -> None:
    workspace, bot = scene.workspace, scene.bot()
    sol = workspace.add_stranger("Sol Sand", "sol@other.example")
    with pytest.raises(Refused, match="cant_invite"):
        workspace.invite(scene.general, sol.id)
    workspace.connect_team(scene.general, sol.team_id)
    assert "sol@other.example" not in workspace.readers(scene.general)
    workspace.invite(scene.general, sol.id)
    assert "sol@other.example" in workspace.readers(scene.general)
    told = bot.get("conversations.info", channel=scene.general)["channel"]
    assert told["is_ext_shared"] and told["connected_team_ids"] == [sol.team_id]
    assert bot.get("users.info", user=sol.id)["user"]["is_stranger"]


def test_conversations_of_a_person_are_those_both_know(scene: Scene) -> None:
    bot = scene.bot()
    asked = {"user": scene.bo, "types": ALL}
    theirs = bot.all("users.conversations", "channels", **asked)
    assert {each["id"] for each in theirs} == {scene.general}
    scene.add_bot_to(scene.secret)
    theirs = bot.all("users.conversations", "channels", **asked)
    assert {each["id"] for each in theirs} == {scene.general, scene.secret}


def test_the_bot_writes_where_it_is_and_changes_only_its_own(scene: Scene) -> None:
    scopes = ("chat:write", "channels:read", "channels:history")
    bot = scene.bot(bot_scopes=scopes)
    posting = f"{scene.base}/api/chat.postMessage"
    form = {"channel": scene.general, "text": "Hello"}
    refused = httpx2.post(posting, data=form, headers=bot.headers()).json()
    assert refused["error"] == "not_in_channel"
    scene.add_bot_to(scene.general)
    told = httpx2.post(posting, json=form, headers=bot.headers()).json()
    assert told["message"]["text"] == "Hello"
    link = bot.get("chat.getPermalink", channel=scene.general, message_ts=told["ts"])
    assert "Hello" in httpx2.get(link["permalink"]).text
    other = scene.workspace.post(scene.general, scene.ada, "Mine")
    asked = {"channel": scene.general, "ts": other.ts, "text": "Yours"}
    change = httpx2.post(f"{scene.base}/api/chat.update", data=asked, headers=bot.headers())
    assert change.json()["error"] == "cant_update_message"
