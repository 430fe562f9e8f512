"""The pages of artisans who have a smartphone, at `/me`."""
