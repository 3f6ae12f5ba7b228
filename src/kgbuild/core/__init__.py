"""What everything stands on: names, dates, terms, errors; nothing here reads files or asks data."""
