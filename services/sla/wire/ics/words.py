"""What iCalendar has no word for: a day's kind, region and names in further languages."""

KIND = "X-THROUGHLINE-KIND"
REGION = "X-THROUGHLINE-REGION"
NAME = "X-THROUGHLINE-NAME"
