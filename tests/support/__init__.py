"""What tests are made of: valid inputs, a second computation to 50 digits, a toy study."""
