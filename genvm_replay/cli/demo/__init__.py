"""`demo`: a contract is run and recorded, replayed by a fresh process, and a changed byte of the record is found."""
