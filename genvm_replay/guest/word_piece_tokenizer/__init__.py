"""Texts as the tokens of BERT, lower case (sdk.md section 8.2). There for contracts that name its runner."""

from word_piece_tokenizer.tokenizer import WordPieceTokenizer

__all__ = ("WordPieceTokenizer",)
