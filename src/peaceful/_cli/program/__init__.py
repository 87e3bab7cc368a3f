"""The program around its commands: words, options, groups, results, errors, signals."""
