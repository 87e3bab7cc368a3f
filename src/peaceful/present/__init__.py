"""What is shown, in the same words at every door: pure functions from data to short texts.

Sizes, times, lists of names, how items ended, what an interrupt does, how a command ended; and text
from anywhere made safe for one line.
"""

from peaceful.present._differences import differences
from peaceful.present._ids import short_id, short_ids
from peaceful.present._interrupts import (
    RESUME_REPEATS_NOTHING,
    STAYS_DONE,
    finishing_sentence,
    interrupt_sentence,
    interrupted_how,
    level_label,
    next_press_sentence,
)
from peaceful.present._progress import amount, percent, rate
from peaceful.present._sizes import UNKNOWN_NUMBER, byte_rate, size, size_pair
from peaceful.present._statuses import (
    STATUS_ORDER,
    LiveWord,
    counts_in_words,
    live_word,
    status_symbol,
    status_word,
)
from peaceful.present._summary import Summary, SummaryRow, summarised
from peaceful.present._text import (
    ELLIPSIS,
    REPLACEMENT,
    display_width,
    fitted,
    one_line,
    padded,
    shortened,
)
from peaceful.present._times import (
    ago,
    date_and_time,
    duration,
    estimate,
    moment,
    time_left,
    time_of_day,
)
from peaceful.present._words import count, fitted_list, name_list, plural

__all__ = [
    "ELLIPSIS",
    "REPLACEMENT",
    "RESUME_REPEATS_NOTHING",
    "STATUS_ORDER",
    "STAYS_DONE",
    "UNKNOWN_NUMBER",
    "LiveWord",
    "Summary",
    "SummaryRow",
    "ago",
    "amount",
    "byte_rate",
    "count",
    "counts_in_words",
    "date_and_time",
    "differences",
    "display_width",
    "duration",
    "estimate",
    "finishing_sentence",
    "fitted",
    "fitted_list",
    "interrupt_sentence",
    "interrupted_how",
    "level_label",
    "live_word",
    "moment",
    "name_list",
    "next_press_sentence",
    "one_line",
    "padded",
    "percent",
    "plural",
    "rate",
    "short_id",
    "short_ids",
    "shortened",
    "size",
    "size_pair",
    "status_symbol",
    "status_word",
    "summarised",
    "time_left",
    "time_of_day",
]
