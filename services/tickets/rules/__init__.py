"""What may happen to a ticket, who may do it, and what is told of it: pure functions over frozen states.

A verb takes the ticket, the actor and its inputs, and returns the ticket after it with the events that tell of it;
it raises `Refusal` instead when it may not be.
"""
