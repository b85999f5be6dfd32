"""The ticket <-> its message."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from throughline.tickets.v1 import ticket_pb2 as pb

from services.runtime.actor import Actor
from services.tickets.rules.access import sees_internal
from services.tickets.rules.answers import answers
from services.tickets.rules.ticket import (
    Attachment,
    Comment,
    Hold,
    Link,
    Question,
    Resolution,
    Ticket,
    Visibility,
)
from services.tickets.wire.words import (
    CHANNELS,
    HOLD_REASONS,
    LINK_RELATIONS,
    NEXT_ACTORS,
    RESOLUTION_CODES,
    STATES,
    TYPES,
    VISIBILITIES,
    instant,
    moment,
)


def ticket_message(name: str, etag: str, ticket: Ticket) -> pb.Ticket:
    """The whole ticket, as events carry it."""
    return pb.Ticket(
        name=name,
        etag=etag,
        type=TYPES.number(ticket.type),
        state=STATES.number(ticket.state),
        title=ticket.title,
        description=ticket.description,
        requester=ticket.requester,
        opener=ticket.opener,
        channel=CHANNELS.number(ticket.channel),
        impact=ticket.impact,
        urgency=ticket.urgency,
        priority=ticket.priority,
        service=ticket.service,
        category=ticket.category,
        site=ticket.site,
        item=ticket.item,
        unit=ticket.unit,
        team=ticket.team,
        assignee=ticket.assignee,
        hold=hold_message(ticket.hold),
        question=question_message(ticket.question),
        resolution=_resolution_message(ticket.resolution),
        links=[link_message(one) for one in ticket.links],
        attachments=[attachment_message(one) for one in ticket.attachments],
        open_time=instant(ticket.opened_at),
        impact_start_time=instant(ticket.impact_started_at),
        first_assign_time=instant(ticket.first_assigned_at),
        first_response_time=instant(ticket.first_responded_at),
        resolve_time=instant(ticket.resolved_at),
        auto_close_time=instant(ticket.closes_at),
        close_time=instant(ticket.closed_at),
        update_time=instant(ticket.updated_at),
        reassignments=ticket.reassignments,
        assignment_changes=ticket.assignment_changes,
        reopens=ticket.reopens,
        source=ticket.source,
        external_id=ticket.external_id,
        importing=ticket.importing,
        answers=_answers_message(ticket),
        knowledge_used=ticket.knowledge_used,
        ping_pong=ticket.ping_pong,
    )


def ticket_for(actor: Actor, name: str, etag: str, ticket: Ticket) -> pb.Ticket:
    """The ticket as the actor may see it: files for agents alone are hidden from the requester."""
    message = ticket_message(name, etag, ticket)
    if not sees_internal(actor, ticket):
        internal = VISIBILITIES.number(Visibility.INTERNAL)
        for index in reversed(range(len(message.attachments))):
            if message.attachments[index].visibility == internal:
                del message.attachments[index]
    return message


def ticket_state(message: pb.Ticket) -> Ticket:
    """What a message says of a ticket. Of the teams that have had it, it names only the one that has it."""
    return Ticket(
        type=TYPES.word(message.type),
        state=STATES.word(message.state),
        title=message.title,
        opened_at=moment(message.open_time),
        updated_at=moment(message.update_time),
        description=message.description,
        requester=message.requester,
        opener=message.opener,
        channel=CHANNELS.word(message.channel),
        impact=message.impact,
        urgency=message.urgency,
        priority=message.priority,
        service=message.service,
        category=message.category,
        site=message.site,
        item=message.item,
        unit=message.unit,
        team=message.team,
        assignee=message.assignee,
        teams=(message.team,) if message.team else (),
        hold=hold_state(message.hold) if message.HasField("hold") else None,
        question=question_state(message.question) if message.HasField("question") else None,
        resolution=_resolution_state(message.resolution) if message.HasField("resolution") else None,
        links=tuple(link_state(one) for one in message.links),
        attachments=tuple(attachment_state(one) for one in message.attachments),
        impact_started_at=set_moment(message, "impact_start_time"),
        first_assigned_at=set_moment(message, "first_assign_time"),
        first_responded_at=set_moment(message, "first_response_time"),
        resolved_at=set_moment(message, "resolve_time"),
        closes_at=set_moment(message, "auto_close_time"),
        closed_at=set_moment(message, "close_time"),
        reassignments=message.reassignments,
        assignment_changes=message.assignment_changes,
        reopens=message.reopens,
        ping_pong=message.ping_pong,
        knowledge_used=message.knowledge_used,
        source=message.source,
        external_id=message.external_id,
        importing=message.importing,
    )


def hold_message(hold: Hold | None) -> pb.Hold | None:
    """What blocks, or unset."""
    if hold is None:
        return None
    return pb.Hold(
        reason=HOLD_REASONS.number(hold.reason),
        note=hold.note,
        unblocker=hold.unblocker,
        since_time=instant(hold.since),
    )


def hold_state(message: pb.Hold) -> Hold:
    """The reverse of `hold_message`."""
    return Hold(HOLD_REASONS.word(message.reason), message.note, message.unblocker, moment(message.since_time))


def question_message(question: Question | None) -> pb.Question | None:
    """What is asked, or unset."""
    if question is None:
        return None
    return pb.Question(text=question.text, asker=question.asker, ask_time=instant(question.asked_at))


def question_state(message: pb.Question) -> Question:
    """The reverse of `question_message`."""
    return Question(message.text, message.asker, moment(message.ask_time))


def link_message(link: Link) -> pb.Link:
    """A relation."""
    return pb.Link(relation=LINK_RELATIONS.number(link.relation), target=link.target)


def link_state(message: pb.Link) -> Link:
    """The reverse of `link_message`; the relation must be specified."""
    return Link(LINK_RELATIONS.word(message.relation), message.target)


def attachment_message(attachment: Attachment) -> pb.Attachment:
    """A named file, without its bytes."""
    return pb.Attachment(
        id=attachment.id,
        file_name=attachment.file_name,
        content_type=attachment.content_type,
        size_bytes=attachment.size,
        uploader=attachment.uploader,
        upload_time=instant(attachment.uploaded_at),
        visibility=VISIBILITIES.number(attachment.visibility),
    )


def attachment_state(message: pb.Attachment) -> Attachment:
    """The reverse of `attachment_message`."""
    return Attachment(
        id=message.id,
        file_name=message.file_name,
        content_type=message.content_type,
        size=message.size_bytes,
        uploader=message.uploader,
        uploaded_at=moment(message.upload_time),
        visibility=VISIBILITIES.word(message.visibility),
    )


def comment_message(comment: Comment) -> pb.Comment:
    """A text beside the ticket."""
    return pb.Comment(
        text=comment.text,
        visibility=VISIBILITIES.number(comment.visibility),
        author=comment.author,
        create_time=instant(comment.created_at),
    )


def comment_state(message: pb.Comment) -> Comment:
    """The reverse of `comment_message`."""
    return Comment(message.text, VISIBILITIES.word(message.visibility), message.author, moment(message.create_time))


def _answers_message(ticket: Ticket) -> pb.Answers:
    given = answers(ticket)
    return pb.Answers(
        next=NEXT_ACTORS.number(given.next),
        next_name=given.next_name,
        blocker=hold_message(given.blocker),
        owed_answers=given.owed,
    )


def _resolution_message(resolution: Resolution | None) -> pb.Resolution | None:
    if resolution is None:
        return None
    return pb.Resolution(
        code=RESOLUTION_CODES.number(resolution.code), note=resolution.note, articles=resolution.articles
    )


def _resolution_state(message: pb.Resolution) -> Resolution:
    return Resolution(RESOLUTION_CODES.word(message.code), message.note, tuple(message.articles))


def set_moment(message: Any, field: str) -> datetime | None:
    """The time of a field; None where it is unset."""
    return moment(getattr(message, field)) if message.HasField(field) else None
