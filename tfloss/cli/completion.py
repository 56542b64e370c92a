"""`tfloss completion`."""

from __future__ import annotations

import click

_SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(_SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print what makes SHELL complete commands, options, losses, teachers and data sets.

    \b
    eval "$(tfloss completion bash)"     in ~/.bashrc
    eval "$(tfloss completion zsh)"      in ~/.zshrc, after compinit
    tfloss completion fish | source      in ~/.config/fish/config.fish

    In a formula the last name is completed: --loss "bce + abs<Tab>.
    """
    from click.shell_completion import get_completion_class

    made = get_completion_class(shell)
    assert made is not None  # click has the three
    click.echo(made(context.find_root().command, {}, "tfloss", "_TFLOSS_COMPLETE").source())
