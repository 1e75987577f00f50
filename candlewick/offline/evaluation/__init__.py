"""Evaluation of models on files of candles: reads the files, replays them, reports the scores."""
