/* The model of a map against histories made by hand.
 *
 * Goal: what it accepts after each kind of history, and that every lie is caught under the right promise. Method: each row is a history in letters
 * and what the engine shows then; the wanted promise ("" for none) was worked out by hand.
 *
 *   A a B b   put key 0 (A, a) or 1 (B, b), strict (capital) or relaxed, and it said OK
 *   x y       delete key 0, 1, relaxed          ?   the next change is never answered
 *   [ab]      a relaxed batch                   !   the next change answers KAYA_IO, after a failed sync
 *   s n k     sync OK; sync fails; snapshot fails, and a sync with it
 *   P C       power loss; process crash         R   recover, showing the last value of each key up to here, then go on
 *
 * A view is two characters: for keys 0 and 1 the number of the put in the history (1 is the first), '.' for nothing, '#' for bytes of no put. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "kaya/scenarios/key_value_model.h"
#include "kaya/scenarios/payload.h"

enum { LENGTH = 40, SEED = 5, CHANGES_MAX = 16 };
#define STRUCK(NAME) ((uint64_t)1 << KAYA_FAULT_##NAME)
#define FAILED_SYNC STRUCK(SYNC_FAILURE)

struct player {
    struct kaya_key_value_model *model;
    struct kaya_violation violation;
    unsigned puts;
    bool unanswered, failing;
    unsigned char bytes[CHANGES_MAX][LENGTH]; /* of put n; 0: of none */
    char last[3];                             /* the view of all that was asked */
};

static struct kaya_key_value_change change_of(struct player *player, char letter)
{
    bool is_deletion = letter == 'x' || letter == 'y';
    uint32_t key = strchr("AaxX", letter) != NULL ? 0 : 1;
    uint64_t payload = kaya_payload_key(SEED, 2 * ++player->puts + 1);

    kaya_payload_fill(payload, player->bytes[player->puts], LENGTH);
    player->last[key] = is_deletion ? '.' : (char)('0' + player->puts);
    return (struct kaya_key_value_change){ key, is_deletion, payload, is_deletion ? 0 : LENGTH };
}

static void answer(struct player *player, enum kaya_durability_mode mode)
{
    if (!player->unanswered)
        kaya_key_value_change_end(player->model, mode, player->failing ? KAYA_IO : KAYA_OK,
                                  player->failing ? FAILED_SYNC : 0, &player->violation);
    player->unanswered = false;
    player->failing = false;
}

static struct kaya_key_value_view view_of(struct player *player, const char *shown)
{
    struct kaya_key_value_view view;

    memset(&view, 0, sizeof view);
    for (unsigned key = 0; key < 2; key++) {
        if (shown[key] == '.')
            continue;
        view.values[key].bytes = player->bytes[shown[key] == '#' ? 0 : shown[key] - '0'];
        view.values[key].length = LENGTH;
    }
    return view;
}

static void recover(struct player *player, const char *shown)
{
    struct kaya_key_value_view view = view_of(player, shown);

    kaya_key_value_opened(player->model, KAYA_OK, 0, &player->violation);
    kaya_key_value_recovered(player->model, &view, &player->violation);
}

static const char *play_batch(struct player *player, const char *at)
{
    struct kaya_key_value_change changes[CHANGES_MAX];
    size_t count = 0;

    while (*++at != ']')
        changes[count++] = change_of(player, *at);
    cr_assert(eq(int, kaya_key_value_change_begin(player->model, changes, count), KAYA_OK));
    answer(player, KAYA_RELAXED);
    return at;
}

static void play_one(struct player *player, char letter)
{
    struct kaya_key_value_change change;

    switch (letter) {
    case '?':
        player->unanswered = true;
        break;
    case '!':
        player->failing = true;
        break;
    case 's':
        kaya_key_value_barrier_end(player->model, KAYA_KEY_VALUE_SYNC, KAYA_OK, 0, &player->violation);
        break;
    case 'n':
        kaya_key_value_barrier_end(player->model, KAYA_KEY_VALUE_SYNC, KAYA_IO, FAILED_SYNC, &player->violation);
        break;
    case 'k':
        kaya_key_value_barrier_end(player->model, KAYA_KEY_VALUE_SNAPSHOT, KAYA_IO, FAILED_SYNC,
                                   &player->violation);
        break;
    case 'P':
    case 'C':
        kaya_key_value_crash(player->model, letter == 'P' ? KAYA_CRASH_POWER_LOSS : KAYA_CRASH_PROCESS);
        break;
    case 'R':
        recover(player, player->last);
        break;
    default:
        change = change_of(player, letter);
        cr_assert(eq(int, kaya_key_value_change_begin(player->model, &change, 1), KAYA_OK));
        answer(player, isupper((unsigned char)letter) ? KAYA_STRICT : KAYA_RELAXED);
    }
}

static void play(struct player *player, const char *history)
{
    *player = (struct player){ .model = kaya_key_value_model_create(), .last = ".." };
    for (const char *at = history; *at != '\0'; at++)
        if (*at == '[')
            at = play_batch(player, at);
        else
            play_one(player, *at);
}

Test(key_value_model, a_recovery_may_show_what_was_in_doubt_and_must_show_what_was_acknowledged)
{
    static const struct {
        const char *history, *shown, *promise;
    } rows[] = {
        { "P", "..", "" },       { "AP", "1.", "" },      { "AP", "..", "P2" },   { "AP", "#.", "P2" },
        { "aP", "1.", "" },      { "aP", "..", "" },      { "aP", "#.", "P2" },   { "aC", "1.", "" },
        { "aC", "..", "P2" },    { "aCP", "..", "" },     { "asP", "..", "P2" },  { "a?bC", "1.", "" },
        { "a?bC", "12", "" },    { "a?bC", ".2", "P2" },  { "abP", ".2", "P1" }, /* a later one without the one before it */
        { "abP", "1.", "" },     { "abaP", "32", "" },    { "abaP", "3.", "P1" }, { "AxP", "1.", "" },
        { "AxP", "..", "" },     { "AxC", "1.", "P2" }, /* the deleted key is back */
        { "AxCRP", "1.", "P3" }, { "aCRP", "..", "P3" },  { "aPRP", "..", "P3" }, { "AaP", "1.", "" },
        { "AaP", "2.", "" },     { "AaP", "..", "P2" },   { "AbP", "1.", "" },    { "[ab]P", "12", "" },
        { "[ab]P", "..", "" },   { "[ab]P", "1.", "P1" }, /* a part of a batch */
        { "[ab]C", "..", "P2" }, { "?[ab]C", "..", "" },  { "?[ab]C", "12", "" }, { "?[ab]C", "1.", "P1" },
        { "a!bC", "..", "" }, /* the failed sync may have dropped what only the cache held */
        { "a!bC", "1.", "" },    { "a!bC", "12", "" },    { "A!bC", ".2", "P2" }, { "anC", "..", "" },
        { "akC", "..", "" },     { "aksP", "..", "P2" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct player player;
        play(&player, rows[i].history);
        cr_expect(eq(str, player.violation.promise, (char *)""), "%s: %s", rows[i].history,
                  player.violation.what);
        recover(&player, rows[i].shown);
        cr_expect(eq(str, player.violation.promise, (char *)rows[i].promise), "%s shows %s: %s",
                  rows[i].history, rows[i].shown, player.violation.what);
        kaya_key_value_model_destroy(player.model);
    }
}

Test(key_value_model, what_a_recovery_showed_is_fixed_and_what_it_did_not_is_gone)
{
    struct player player;

    play(&player, "abP");
    recover(&player, "1.");
    kaya_key_value_crash(player.model, KAYA_CRASH_POWER_LOSS);
    recover(&player, "12");
    cr_expect(eq(str, player.violation.promise, (char *)"P2"), "%s", player.violation.what);
    kaya_key_value_model_destroy(player.model);
}

Test(key_value_model, a_running_engine_shows_the_last_of_everything)
{
    static const struct {
        const char *history, *shown, *promise;
    } rows[] = {
        { "Ab", "12", "" },   { "Ab", "1.", "P1" }, { "Aa", "1.", "P1" },
        { "Ax", "..", "" },   { "Ax", "1.", "P1" }, { "A", "1#", "P1" },
        { "Ab!a", "12", "" }, { "Ab!a", "..", "" }, /* has ended: the next open decides */
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct player player;
        struct kaya_key_value_view view;
        play(&player, rows[i].history);
        view = view_of(&player, rows[i].shown);
        for (uint32_t key = 0; key < 2; key++)
            kaya_key_value_got(player.model, key, view.values[key].bytes, view.values[key].length,
                               &player.violation);
        cr_expect(eq(str, player.violation.promise, (char *)rows[i].promise), "got %s", rows[i].history);
        player.violation.promise[0] = '\0';
        kaya_key_value_looked(player.model, &view, &player.violation);
        cr_expect(eq(str, player.violation.promise, (char *)rows[i].promise), "looked %s", rows[i].history);
        kaya_key_value_model_destroy(player.model);
    }
}

Test(key_value_model, statuses_need_an_excuse)
{
    static const struct {
        const char *history;
        enum kaya_status status;
        uint64_t struck;
        const char *promise;
    } rows[] = {
        { "A", KAYA_IO, 0, "P7" },
        { "A", KAYA_IO, FAILED_SYNC, "" },
        { "A", KAYA_FULL, FAILED_SYNC, "" },
        { "A", KAYA_IO, STRUCK(IO_ERROR), "" },
        { "A", KAYA_FULL, STRUCK(NO_ROOM), "" },
        { "A", KAYA_LIMIT, STRUCK(LIMIT), "" },
        { "A", KAYA_LIMIT, STRUCK(IO_ERROR), "P7" },
        { "A", KAYA_NO_MEMORY, STRUCK(OUT_OF_MEMORY), "" },
        { "A", KAYA_NO_MEMORY, STRUCK(LIMIT), "P7" },
        { "A", KAYA_IO, STRUCK(SHORT_TRANSFER), "P7" },
        { "A", KAYA_ENDED, FAILED_SYNC, "P7" },
        { "A", KAYA_INVALID, FAILED_SYNC, "P7" },
        { "A!b", KAYA_ENDED, 0, "" },
        { "A!b", KAYA_OK, 0, "P6" },
        { "Ak", KAYA_OK, 0, "" },
        { "Ak", KAYA_ENDED, 0, "" },
        { "An", KAYA_OK, 0, "P6" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct player player;
        play(&player, rows[i].history);
        kaya_key_value_barrier_end(player.model, KAYA_KEY_VALUE_SYNC, rows[i].status, rows[i].struck,
                                   &player.violation);
        cr_expect(eq(str, player.violation.promise, (char *)rows[i].promise), "row %zu: %s", i,
                  player.violation.what);
        kaya_key_value_model_destroy(player.model);
    }
}

Test(key_value_model, an_open_is_not_refused_and_a_second_one_is)
{
    struct kaya_key_value_model *model = kaya_key_value_model_create();
    struct kaya_violation violation = { .promise = "" };

    kaya_key_value_opened(model, KAYA_GONE, 0, &violation);
    kaya_key_value_opened(model, KAYA_IO, FAILED_SYNC, &violation);
    kaya_key_value_second(model, KAYA_LOCKED, 0, &violation);
    kaya_key_value_second(model, KAYA_GONE, 0, &violation);
    kaya_key_value_disk_use(model, 100, 100, &violation);
    cr_expect(not(kaya_violation_is_set(&violation)), "%s", violation.what);
    cr_expect(not(kaya_key_value_exists(model)));
    kaya_key_value_opened(model, KAYA_DAMAGED, FAILED_SYNC, &violation);
    cr_expect(eq(str, violation.promise, (char *)"P4"));
    violation.promise[0] = '\0';
    kaya_key_value_second(model, KAYA_OK, 0, &violation);
    cr_expect(eq(str, violation.promise, (char *)"P10"));
    violation.promise[0] = '\0';
    kaya_key_value_disk_use(model, 101, 100, &violation);
    cr_expect(eq(str, violation.promise, (char *)"P8"));
    kaya_key_value_model_destroy(model);
}
