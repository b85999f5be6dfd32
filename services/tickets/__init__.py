"""Tickets: incidents and requests, from the first word to the closing one.

Owns: tickets with their comments, questions, attachments and links; the priority matrix; imported histories.
Answers: throughline.tickets.v1.TicketsService, and JournalService for its own journal.
Publishes: every change of a ticket and of the matrix, on stream `tickets`, each with the whole resource after it.
Hears: nothing. Who may do what comes with the caller.
Never: counts business time, judges a promise, sends a notice, or keeps another service's data.
"""
