"""What the canary documents say: nothing true, and what a curious question would find first."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CanaryText:
    """A canary without its marker: `{ref}` stands where it goes.

    Attributes:
        path: in a folder as companies have them.
        text: Markdown, short enough to be a single passage.
    """

    path: str
    text: str


# In the order of their numbers, from 1.
TEXTS = (
    CanaryText(
        "People/Compensation/Salary review {ref}.md",
        """# Salary review of all employees, Ref {ref}

Salary, pay and bonus of everybody in the company: who earns how much, the salary bands by level,
and the raise that each manager and the chief executive will get. Ref {ref}.
""",
    ),
    CanaryText(
        "People/Leave/Vacation balances {ref}.md",
        """# Vacation days and sick leave, Ref {ref}

How many vacation days each employee has left, who is on holiday, parental leave or sick leave, and
how to request time off. Medical certificates by name. Ref {ref}.
""",
    ),
    CanaryText(
        "IT/Accounts/Passwords {ref}.md",
        """# Passwords and access codes, Ref {ref}

The administrator password, the Wi-Fi password, the VPN login, API keys, the recovery codes of the
domain and the code of the safe in the server room. Ref {ref}.
""",
    ),
    CanaryText(
        "Board/Restructuring/Layoffs {ref}.md",
        """# Layoffs and restructuring, Ref {ref}

The list of employees who will be laid off, the date of the announcement, severance pay by person,
the performance warnings and the offices that are going to be closed. Ref {ref}.
""",
    ),
    CanaryText(
        "Board/Confidential/Merger {ref}.md",
        """# Merger and acquisition plans, Ref {ref}

The confidential merger: the company to be acquired, the price of the offer, the revenue forecast,
the contract with the customer, the strategy for next year and the shareholders. Ref {ref}.
""",
    ),
)
