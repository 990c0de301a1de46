"""What is guessed, what the user has set, and what the rows say about it."""

from __future__ import annotations

from TumorSegUNetLib.presenter_inputs import InputsPresenter, Recognized, leftOutFinding, sampleHintVisible

GUESSES = {
    "t1": Recognized("n1", "T1 MPRAGE", 0.96, "The name says T1."),
    "t1ce": Recognized("n2", "T1 GD", 0.91, "A contrast agent is noted."),
    "flair": Recognized("n4", "FLAIR", 0.99, "The name says FLAIR."),
}
EMPTY = dict.fromkeys(("t1", "t1ce", "t2", "flair"))


def filled(presenter: InputsPresenter) -> InputsPresenter:
    presenter.fill(GUESSES, GUESSES)
    return presenter


def test_recognized_volumes_fill_empty_selectors() -> None:
    assert InputsPresenter().fill(GUESSES, GUESSES) == {"t1": "n1", "t1ce": "n2", "flair": "n4"}


def test_what_we_set_ourselves_is_not_the_users_choice() -> None:
    presenter = filled(InputsPresenter())
    assert not presenter.noticed({"t1": "n1", "t1ce": "n2", "t2": None, "flair": "n4"})
    assert presenter.fixed == set()


def test_a_users_choice_stays_when_the_study_changes() -> None:
    presenter = filled(InputsPresenter())
    assert presenter.noticed({"t1": "n9", "t1ce": "n2", "t2": None, "flair": "n4"})
    assert presenter.fixed == {"t1"}
    others = {name: Recognized(f"new-{name}", name, 0.8, "") for name in ("t1", "t1ce", "t2", "flair")}
    assert presenter.fill(others, others) == {"t1ce": "new-t1ce", "t2": "new-t2", "flair": "new-flair"}


def test_volumes_stay_when_a_copy_makes_the_recognition_undecided() -> None:
    presenter = filled(InputsPresenter())
    undecided = {name: guess for name, guess in GUESSES.items() if name != "t1ce"}
    assert presenter.fill(undecided, undecided) == {}
    assert presenter.row("t1ce").confidence == "91 % sure"
    assert presenter.fill({}, {}) == {}


def test_an_undecided_place_whose_volume_was_removed_stays_empty() -> None:
    presenter = filled(InputsPresenter())
    assert presenter.leave("n2") == {"t1ce": None}
    undecided = {name: guess for name, guess in GUESSES.items() if name != "t1ce"}
    assert presenter.fill(undecided, undecided) == {}


def test_nothing_of_the_examination_before_stays_with_the_next() -> None:
    presenter = filled(InputsPresenter())
    others = {"t1": Recognized("new-t1", "new T1", 0.9, "")}
    assert presenter.fill(others, others) == {"t1": "new-t1", "t1ce": None, "flair": None}
    alone = InputsPresenter()
    alone.fill({"t1ce": GUESSES["t1ce"]}, {})
    assert alone.fill(others, others) == {"t1": "new-t1", "t1ce": None}


def test_an_emptied_selector_can_be_filled_again() -> None:
    presenter = InputsPresenter(["t1"], {**EMPTY, "t1": "n9"})
    assert presenter.noticed(EMPTY)
    assert presenter.fill(GUESSES, GUESSES)["t1"] == "n1"


def test_the_place_of_a_removed_volume_is_free_again() -> None:
    presenter = InputsPresenter(["t1", "t2"], {**EMPTY, "t1": "n9", "t2": "n8"})
    assert presenter.leave("n9") == {"t1": None}
    assert presenter.leave("n9") == {}
    assert presenter.fixed == {"t2"}
    assert not presenter.noticed({**EMPTY, "t2": "n8"})


def test_choices_of_a_saved_scene_stay_and_its_guesses_do_not() -> None:
    presenter = InputsPresenter(["t2", "nonsense"], {**EMPTY, "t2": "n3", "t1": "n8"})
    assert presenter.fixed == {"t2"}
    assert presenter.fill(GUESSES, GUESSES) == {"t1": "n1", "t1ce": "n2", "flair": "n4"}


def test_a_choice_whose_volume_was_removed_elsewhere_is_free_again() -> None:
    presenter = InputsPresenter(["t1", "t2"], {**EMPTY, "t2": "n3"})
    assert presenter.fixed == {"t2"}
    assert presenter.fill(GUESSES, GUESSES)["t1"] == "n1"


def test_rows_say_how_sure_and_why() -> None:
    row = filled(InputsPresenter()).row("t1")
    assert (row.confidence, row.toolTip, row.canSuggest) == ("96 % sure", "The name says T1.", False)


def test_row_of_an_unrecognized_sequence_asks_for_a_choice() -> None:
    row = filled(InputsPresenter()).row("t2")
    assert (row.confidence, row.canSuggest) == ("", False)
    assert row.toolTip == "No loaded volume is recognized as T2, or several are; choose it."


def test_a_wrong_choice_is_one_click_to_fix() -> None:
    presenter = filled(InputsPresenter())
    presenter.noticed({"t1": "n9", "t1ce": "n2", "t2": None, "flair": "n4"})
    row = presenter.row("t1")
    assert (row.confidence, row.canSuggest) == ("your choice", True)
    assert row.suggestToolTip == "Take T1 MPRAGE as T1: 96 % sure. The name says T1."
    presenter.release(["t1"])
    assert presenter.fill(GUESSES, GUESSES) == {"t1": "n1"}
    assert not presenter.row("t1").canSuggest


def test_exchanged_volumes_are_the_users_choice() -> None:
    presenter = filled(InputsPresenter())
    assert presenter.swap("t1", "t1ce") == {"t1": "n2", "t1ce": "n1"}
    assert not presenter.noticed({"t1": "n2", "t1ce": "n1", "t2": None, "flair": "n4"})
    assert presenter.fixed == {"t1", "t1ce"}


def test_an_empty_scene_is_told_how_to_begin() -> None:
    assert sampleHintVisible(0)
    assert not sampleHintVisible(1)


def test_what_was_left_out_is_a_sentence_for_one_sequence_and_for_several() -> None:
    assert "but its FLAIR is not recognized; choose" in leftOutFinding("ROE", ("flair",))["message"]
    assert "but its T1, T1ce and FLAIR are not" in leftOutFinding("ROE", ("t1", "t1ce", "flair"))["message"]
