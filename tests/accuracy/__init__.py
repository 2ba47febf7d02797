"""How accurate every public function is: `python -m tests.accuracy` measures it into `tests/accuracy.md`."""
