"""The parts of the rules of use (利用規則): who, when, how often, when to pay, what a cancellation gives back. Pure."""
