"""SMS, USSD and mobile money providers: one adapter file each, and what they share."""
