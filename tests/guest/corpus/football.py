# v0.1.0
# { "Depends": "py-genlayer:1jb45aa8ynh2a9c9xn3b7qqh8sm5q93hwfp7jqmwsfhh8jpz09h6" }
from genlayer import *
import json
import re
import typing


class Football(gl.Contract):
    resolved: bool
    team1: str
    team2: str
    url: str
    winner: u8
    score: str

    def __init__(self, date: str, team1: str, team2: str):
        self.resolved = False
        self.url = f"https://results.example/{date}"
        self.team1 = team1
        self.team2 = team2
        self.winner = u8(0)
        self.score = "-"

    @gl.public.write
    def resolve(self) -> typing.Any:
        if self.resolved:
            return "resolved already"
        url, team1, team2 = self.url, self.team1, self.team2

        def nondet() -> str:
            page = gl.nondet.web.render(url, mode="text")
            task = (
                f"{page}\nWho won, {team1} or {team2}? JSON with score (str) and winner (1, 2, 0 for a draw)."
            )
            text = gl.nondet.exec_prompt(task)
            cleaned = re.sub(r"```(json)?", "", text).strip()
            return json.dumps(json.loads(cleaned), sort_keys=True)

        result = json.loads(gl.eq_principle.prompt_comparative(nondet, "score and winner are the same"))
        if result["winner"] < 0:
            raise gl.vm.UserError("not over yet")
        self.resolved = True
        self.winner = u8(result["winner"])
        self.score = result["score"]
        return result

    @gl.public.view
    def get(self) -> dict[str, typing.Any]:
        return {"winner": self.winner, "score": self.score, "resolved": self.resolved}
