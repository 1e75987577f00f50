"""Predictions replayed over files of candles: reading the files, showing what came out."""
