"""`python -m tfloss`."""

from tfloss.cli.main import main

if __name__ == "__main__":
    main()
