"""``python -m rabbitlogs``."""

from rabbitlogs.cli.main import run

if __name__ == "__main__":
    run()
