"""How the built-in models were made: composer, judge, training, evaluation."""
