"""Meetings: what an event with guests brought, what it cost, whom to see again; its effect by lot only."""
