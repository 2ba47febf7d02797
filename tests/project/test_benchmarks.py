"""The benchmarks compare like with like: all contenders solve the problem that is timed."""

from benchmarks import exact_teacher, loss
from tests.claims.ledger import equal


def test_every_contender_for_the_exact_teacher_reaches_it_on_an_easy_problem():
    log_p = exact_teacher.problem(32, 8, temperature=1.0)
    exact = exact_teacher.exact(log_p)
    for name, solve in exact_teacher.CONTENDERS.items():
        log_r = solve(log_p)
        assert exact_teacher.marginal_error(log_r) <= 1e-8, name
        equal(log_r, exact, rtol=0, atol=1e-6)


def test_the_error_of_a_teacher_that_is_off_is_told():
    assert exact_teacher.marginal_error(exact_teacher.problem(32, 8, temperature=0.1)) > 0.01


def test_centering_is_the_peer_of_the_loss_step_by_step():
    _, steps = loss.contenders(16, 32, "cpu")
    for _ in range(3):
        equal(steps["centering, moving"]().detach(), steps[loss.PEER]().detach(), rtol=1e-6)


def test_both_tables_have_a_row_for_each_contender():
    table = loss.measured(repeat=3, quick=True, device="cpu")
    assert table.row_count == 1 + len(loss.TEACHERS)
    names = list(table.columns[1].cells)
    assert names == [loss.PEER, *loss.TEACHERS]
    ratios = [float(cell) for cell in table.columns[3].cells]
    assert ratios[0] == 1.0 and all(ratio > 0 for ratio in ratios)
