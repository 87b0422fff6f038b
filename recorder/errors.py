"""The one exception that crosses module borders. It never prints and never exits."""


class RecorderError(Exception):
    """Something is wrong that a person can act on.

    ``code`` is a stable word for programs and logs, ``problem`` what is wrong, ``where``
    the file and key or line, ``remedy`` what to do, and ``phrase`` the name of the
    sentence in phrases.toml that the voice says (None: nothing is said aloud).
    """

    def __init__(
        self,
        code: str,
        problem: str,
        *,
        where: str = "",
        remedy: str = "",
        phrase: str | None = None,
    ) -> None:
        super().__init__(problem)
        self.code = code
        self.problem = problem
        self.where = where
        self.remedy = remedy
        self.phrase = phrase

    def __str__(self) -> str:
        text = f"{self.where}: {self.problem}" if self.where else self.problem
        return f"{text}. {self.remedy}" if self.remedy else text
