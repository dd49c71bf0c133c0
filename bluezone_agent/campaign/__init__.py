"""The products of a campaign: posters, slides, texts and reminders, made from one file."""
