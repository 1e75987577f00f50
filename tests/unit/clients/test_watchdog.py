"""Noticing a worker that should read and does not."""

from clients.kafka.watchdog import Watchdog


def test_a_partition_with_more_to_read_and_no_progress_is_stuck_after_the_patience() -> None:
    dog = Watchdog(patience_s=30)

    looks = [dog.stuck({0: 10, 1: 5}, {0: 3, 1: 4}, now_s=now_s) for now_s in (0, 29, 31)]

    assert looks == [[], [], [0]]


def test_a_partition_that_moves_is_not_stuck() -> None:
    dog = Watchdog(patience_s=30)

    looks = [dog.stuck({0: 100}, {0: taken}, now_s=taken * 20) for taken in range(5)]

    assert looks == [[]] * 5


def test_a_partition_that_was_never_read_is_stuck_when_records_come_and_it_still_is_not() -> None:
    dog = Watchdog(patience_s=30)

    looks = [dog.stuck({0: end}, {}, now_s=now_s) for end, now_s in ((7, 0), (8, 10), (9, 31))]

    assert looks == [[], [], [0]]


def test_time_in_which_nothing_came_to_a_partition_that_was_never_read_does_not_count() -> None:
    dog = Watchdog(patience_s=30)

    looks = [
        dog.stuck({0: end}, {}, now_s=now_s) for end, now_s in ((7, 0), (7, 50), (8, 60), (8, 81))
    ]

    assert looks == [[], [], [], [0]]


def test_time_spent_caught_up_does_not_count() -> None:
    dog = Watchdog(patience_s=30)

    looks = [
        dog.stuck({0: end}, {0: 9}, now_s=now_s) for end, now_s in ((10, 0), (10, 100), (11, 110))
    ]

    assert looks == [[], [], []]


def test_how_long_a_partition_stands_is_told_before_the_patience_ends() -> None:
    dog = Watchdog(patience_s=30)

    told = []
    for taken, now_s in ((3, 0), (3, 20), (9, 25), (9, 100)):
        dog.stuck({0: 10, 1: 7}, {0: taken}, now_s=now_s)  # nothing of 1 was there to be read
        told.append(dog.longest_s)

    assert told == [0, 20, 0, 0]
