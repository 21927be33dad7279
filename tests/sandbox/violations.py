"""For each rule of the sandbox, a request that violates it and nothing else, with the expected refusal."""

from __future__ import annotations

from sandbox.limits import Limits
from sandbox.model import Permission
from tests.sandbox.place_violations import (
    answers_with_external_apps_off,
    deletes_when_locked,
    denied,
    edits_when_archived,
    follows_up_a_deleted_answer,
    hurries_in_slow_mode,
    in_thread,
    locks_its_own,
    overwrites_the_entry_point,
    posts_in_a_forum,
    posts_when_locked,
    reacts,
    reacts_in_too_many_kinds,
    reads,
    reads_a_voice_channel,
    registers_for_users,
    renames,
    renames_a_channel,
    replies,
    unarchives_when_locked,
    uses_a_command_in_an_archived_thread,
    uses_a_command_without_permission,
)
from tests.sandbox.requests import (
    HUGE,
    LONG,
    MANY,
    V2,
    Violation,
    answers_late,
    answers_twice,
    answers_with_a_blocked_word,
    becomes_ordinary,
    button,
    choice,
    clicks_a_disabled_button,
    command,
    deletes_anothers,
    deletes_in_bulk,
    edits_after_the_token_died,
    edits_anothers,
    embeds,
    entry,
    follows_up_first,
    follows_up_six_times,
    hurries,
    label,
    lays_out,
    media,
    opens,
    opt,
    option,
    registers,
    repeats_a_nonce,
    row,
    says,
    select,
    shows,
    suggests,
    taking,
    text,
    updates_a_message_that_is_not_there,
    uploads_too_much,
    uses_a_dm_command,
    uses_a_moderators_command,
    writes_elsewhere,
)

VIOLATIONS: dict[str, Violation] = {
    # Messages
    "content_length": Violation(says(content="x" * 2001), f"50035 {LONG}"),
    "empty_message": Violation(says(content=" "), "400 50006"),
    "nonce_length": Violation(says(content="x", nonce="n" * 26), f"50035 {LONG}"),
    "nonce_enforced": Violation(repeats_a_nonce, "the same message"),
    "embed_count": Violation(embeds(*[{"title": "t"}] * 11), f"50035 {LONG}"),
    "embed_title_length": Violation(embeds({"title": "t" * 257}), f"50035 {LONG}"),
    "embed_description_length": Violation(embeds({"description": "d" * 4097}), f"50035 {LONG}"),
    "embed_fields": Violation(embeds({"fields": [{"name": "n", "value": "v"}] * 26}), f"50035 {LONG}"),
    "embed_field_name_length": Violation(
        embeds({"fields": [{"name": "n" * 257, "value": "v"}]}), f"50035 {LONG}"
    ),
    "embed_field_value_length": Violation(
        embeds({"fields": [{"name": "n", "value": "v" * 1025}]}), f"50035 {LONG}"
    ),
    "embed_footer_length": Violation(embeds({"footer": {"text": "f" * 2049}}), f"50035 {LONG}"),
    "embed_author_length": Violation(embeds({"author": {"name": "a" * 257}}), f"50035 {LONG}"),
    "embed_total_length": Violation(
        embeds({"description": "d" * 4000}, {"description": "d" * 2001}), "50035 MAX_EMBED_SIZE_EXCEEDED"
    ),
    "embed_url_scheme": Violation(
        embeds({"title": "t", "url": "javascript:alert(1)"}), "50035 STRING_TYPE_REGEX"
    ),
    "attachment_count": Violation(
        lambda raw: raw.post({f"{n}.txt": b"x" for n in range(11)}, content="x"), f"50035 {LONG}"
    ),
    "attachment_description_length": Violation(
        lambda raw: raw.post({"a.txt": b"x"}, attachments=[{"id": 0, "description": "d" * 1025}]),
        f"50035 {LONG}",
    ),
    "attachment_known": Violation(
        embeds({"image": {"url": "attachment://missing.png"}}),
        "50035 UNFURLED_MEDIA_ITEM_REFERENCED_ATTACHMENT_NOT_FOUND",
    ),
    "upload_limit": Violation(uploads_too_much, "413 40005"),
    "edit_own_only": Violation(edits_anothers, "403 50005"),
    "delete_needs_permission": Violation(deletes_anothers, "403 50013"),
    "bulk_delete_age": Violation(lambda raw: deletes_in_bulk(raw, 2, 14.1), "400 50034"),
    "bulk_delete_count": Violation(lambda raw: deletes_in_bulk(raw, 1), "400 50016"),
    "history_limit": Violation(
        lambda raw: raw.call("GET", f"/channels/{raw.music.id}/messages?limit=101"), "50035 NUMBER_TYPE_MAX"
    ),
    "bot_membership": Violation(writes_elsewhere, "403 50001"),
    # Components
    "custom_id_length": Violation(shows(row(button("i" * 101))), f"50035 {MANY}"),
    "custom_id_unique": Violation(shows(row(button(), button())), "50035 COMPONENT_CUSTOM_ID_DUPLICATED"),
    "component_id_unique": Violation(
        shows(row(button(id=7), button("b", id=7))), "50035 COMPONENT_ID_DUPLICATED"
    ),
    "action_rows": Violation(shows(*[row(button(str(n))) for n in range(6)]), f"50035 {MANY}"),
    "action_row_width": Violation(
        shows(row(*[button(str(n)) for n in range(6)])), "50035 COMPONENT_LAYOUT_WIDTH_EXCEEDED"
    ),
    "button_label_length": Violation(shows(row(button(label="l" * 81))), f"50035 {LONG}"),
    "button_face": Violation(shows(row(button(label=None))), "50035 BUTTON_COMPONENT_INVALID_LABEL_EMOJI"),
    "button_target": Violation(
        shows(row({"type": 2, "style": 1, "label": "A"})), "50035 BUTTON_COMPONENT_CUSTOM_ID_REQUIRED"
    ),
    "button_url_length": Violation(
        shows(row({"type": 2, "style": 5, "label": "A", "url": "https://e.com/" + "u" * 512})),
        f"50035 {LONG}",
    ),
    "select_options": Violation(shows(row(select(*[option(str(n)) for n in range(26)]))), f"50035 {MANY}"),
    "select_placeholder_length": Violation(shows(row(select(placeholder="p" * 151))), f"50035 {LONG}"),
    "select_values": Violation(
        shows(row({"type": 5, "custom_id": "u", "max_values": 26})), "50035 NUMBER_TYPE_MAX"
    ),
    "select_values_order": Violation(
        shows(row({"type": 5, "custom_id": "u", "min_values": 3, "max_values": 2})),
        "50035 SELECT_COMPONENT_MIN_MAX",
    ),
    "select_values_fit": Violation(shows(row(select(max_values=2))), f"50035 {LONG}"),
    "select_option_label_length": Violation(shows(row(select(option(label="l" * 101)))), f"50035 {MANY}"),
    "select_option_value_length": Violation(shows(row(select(option("v" * 101)))), f"50035 {MANY}"),
    "select_option_description_length": Violation(
        shows(row(select(option(description="d" * 101)))), f"50035 {LONG}"
    ),
    "select_option_unique": Violation(
        shows(row(select(option(), option()))), "50035 SELECT_COMPONENT_OPTION_VALUE_DUPLICATED"
    ),
    "disabled_component": Violation(clicks_a_disabled_button, "ActionError"),
    # Components V2
    "v2_flag": Violation(says(components=[text()]), "50035 UNION_TYPE_CHOICES"),
    "v2_components": Violation(
        lays_out(*[text() for _ in range(41)]), "50035 COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED"
    ),
    "v2_text_length": Violation(
        lays_out(text("x" * 4000), text()), "50035 COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED"
    ),
    "v2_forbidden_fields": Violation(
        says(flags=V2, content="x", components=[text()]),
        "50035 MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2",
    ),
    "v2_flag_stays": Violation(
        becomes_ordinary,
        "50035 MESSAGE_CANNOT_REMOVE_COMPONENTS_V2_FLAG MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2",
    ),
    "text_display_empty": Violation(lays_out(text(), text("")), "50035 BASE_TYPE_MIN_LENGTH"),
    "section_texts": Violation(
        lays_out({"type": 9, "components": [text()] * 4, "accessory": button()}), f"50035 {MANY}"
    ),
    "media_gallery_items": Violation(lays_out({"type": 12, "items": [media()] * 11}), f"50035 {MANY}"),
    "media_description_length": Violation(
        lays_out({"type": 12, "items": [media(description="d" * 1025)]}), f"50035 {LONG}"
    ),
    "container_empty": Violation(lays_out({"type": 17, "components": []}), "50035 BASE_TYPE_MIN_LENGTH"),
    "file_is_upload": Violation(
        lays_out({"type": 13, "file": {"url": "https://example.com/a.zip"}}), "50035 URL_TYPE_INVALID_SCHEME"
    ),
    # Modals
    "modal_title_length": Violation(opens(title="t" * 46), f"50035 {MANY}"),
    "modal_components": Violation(
        opens(*[label(entry(custom_id=str(n))) for n in range(6)]), f"50035 {MANY}"
    ),
    "label_length": Violation(opens(label(entry(), label="l" * 46)), f"50035 {MANY}"),
    "label_description_length": Violation(opens(label(entry(), description="d" * 101)), f"50035 {LONG}"),
    "text_input_value_length": Violation(opens(label(entry(value="v" * 4001))), f"50035 {LONG}"),
    "text_input_placeholder_length": Violation(opens(label(entry(placeholder="p" * 101))), f"50035 {LONG}"),
    "text_input_range": Violation(opens(label(entry(max_length=4001))), "50035 NUMBER_TYPE_MAX"),
    "file_upload_values": Violation(
        opens(label({"type": 19, "custom_id": "f", "max_values": 11})), "50035 NUMBER_TYPE_MAX"
    ),
    # Commands
    "command_name_length": Violation(registers(command(name="n" * 33)), f"50035 {MANY}"),
    "command_name_pattern": Violation(registers(command(name="Play Music")), "50035 STRING_TYPE_REGEX"),
    "command_name_unique": Violation(
        registers(command(), command()), "50035 APPLICATION_COMMANDS_DUPLICATE_NAME"
    ),
    "command_description_length": Violation(registers(command(description="d" * 101)), f"50035 {MANY}"),
    "context_menu_bare": Violation(
        registers({"type": 3, "name": "Remix", "description": "no"}),
        "50035 APPLICATION_COMMAND_CONTEXT_MENU_FIELD",
    ),
    "command_options": Violation(registers(taking(*[opt(f"o{n}") for n in range(26)])), f"50035 {LONG}"),
    "command_option_unique": Violation(
        registers(taking(opt(), opt())), "50035 APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS"
    ),
    "command_required_first": Violation(
        registers(taking(opt("a"), opt("b", required=True))),
        "50035 APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID",
    ),
    "command_choices": Violation(
        registers(taking(opt(choices=[choice(str(n)) for n in range(26)]))), f"50035 {LONG}"
    ),
    "command_choice_name_length": Violation(
        registers(taking(opt(choices=[choice("n" * 101)]))), f"50035 {MANY}"
    ),
    "command_choice_value_length": Violation(
        registers(taking(opt(choices=[choice("c", "v" * 101)]))), f"50035 {LONG}"
    ),
    "command_choice_unique": Violation(
        registers(taking(opt(choices=[choice(), choice()]))),
        "50035 APPLICATION_COMMAND_OPTIONS_CHOICE_NAME_ALREADY_EXISTS",
    ),
    "command_autocomplete_or_choices": Violation(
        registers(taking(opt(choices=[choice()], autocomplete=True))),
        "50035 APPLICATION_COMMAND_OPTIONS_CHOICES_WITH_AUTOCOMPLETE",
    ),
    "subcommands_alone": Violation(
        registers(taking(opt("sub", 1), opt("b"))), "50035 APPLICATION_COMMAND_OPTIONS_TYPE_INVALID"
    ),
    "command_option_lengths": Violation(registers(taking(opt(max_length=6001))), "50035 NUMBER_TYPE_MAX"),
    "command_contexts": Violation(registers(command(contexts=[])), "50035 BASE_TYPE_MIN_LENGTH"),
    "command_count": Violation(registers(*[command(name=f"c{n}") for n in range(101)]), "400 30032"),
    "command_size": Violation(
        registers(taking(HUGE | {"name": "a"}, HUGE | {"name": "b"})), "50035 APPLICATION_COMMAND_TOO_LARGE"
    ),
    "default_member_permissions": Violation(uses_a_moderators_command, "ActionError"),
    "command_contexts_kept": Violation(uses_a_dm_command, "ActionError"),
    "automod_keywords": Violation(answers_with_a_blocked_word, "400 200000"),
    # Places
    "send_messages": Violation(denied(Permission.SEND_MESSAGES, says(content="x")), "403 50013"),
    "embed_links": Violation(denied(Permission.EMBED_LINKS, embeds({"title": "t"})), "403 50013"),
    "attach_files": Violation(
        denied(Permission.ATTACH_FILES, lambda raw: raw.post({"a.txt": b"x"})), "403 50013"
    ),
    "reply_needs_history": Violation(denied(Permission.READ_MESSAGE_HISTORY, replies), "400 160002"),
    "read_history": Violation(denied(Permission.READ_MESSAGE_HISTORY, reads), "403 50013"),
    "voice_history_connect": Violation(reads_a_voice_channel, "403 50001"),
    "add_reactions": Violation(denied(Permission.ADD_REACTIONS, reacts), "403 50013"),
    "reaction_kinds": Violation(reacts_in_too_many_kinds, "400 30010"),
    "forum_takes_posts": Violation(posts_in_a_forum, "400 40058"),
    "thread_archived": Violation(in_thread(edits_when_archived), "400 50083"),
    "thread_locked": Violation(in_thread(posts_when_locked), "400 160005"),
    "locked_thread_keeps": Violation(in_thread(deletes_when_locked), "400 50083"),
    "unarchive_locked": Violation(in_thread(unarchives_when_locked), "403 50013"),
    "thread_edit": Violation(in_thread(renames), "403 50013"),
    "thread_lock": Violation(locks_its_own, "403 50013"),
    "manage_channels": Violation(renames_a_channel, "403 50013"),
    "use_application_commands": Violation(uses_a_command_without_permission, "ActionError"),
    "closed_thread_commands": Violation(uses_a_command_in_an_archived_thread, "ActionError"),
    "deferred_answer_deleted": Violation(follows_up_a_deleted_answer, "404 10008"),
    "slow_mode": Violation(hurries_in_slow_mode, "429 20016"),
    "forced_ephemeral": Violation(answers_with_external_apps_off, "ephemeral"),
    "command_installs": Violation(registers_for_users, "50035 BASE_TYPE_CHOICES"),
    "entry_point_kept": Violation(overwrites_the_entry_point, "400 50240"),
    # Interactions
    "acknowledge_in_time": Violation(answers_late, "404 10062"),
    "acknowledge_once": Violation(answers_twice, "400 40060"),
    "acknowledge_first": Violation(follows_up_first, "404 10015"),
    "token_life": Violation(edits_after_the_token_died, "401 50027"),
    "callback_fits": Violation(updates_a_message_that_is_not_there, "50035 BASE_TYPE_CHOICES"),
    "followup_limit": Violation(follows_up_six_times, "400 40094"),
    "autocomplete_choices": Violation(suggests(*[choice(str(n)) for n in range(26)]), f"50035 {LONG}"),
    "autocomplete_choice_name_length": Violation(suggests(choice("n" * 101)), f"50035 {MANY}"),
    "autocomplete_choice_value_length": Violation(suggests(choice("c", "v" * 101)), f"50035 {LONG}"),
    "autocomplete_choice_type": Violation(suggests({"name": "c", "value": 1}), "50035 BASE_TYPE_STRING"),
    # Rate limits
    "rate_limit_bucket": Violation(lambda raw: hurries(raw, Limits({"create_message": (1, 5.0)})), "429 0"),
    "rate_limit_global": Violation(lambda raw: hurries(raw, Limits({}, (1, 1.0))), "429 0"),
}
