/* Who tampers: made, reset, let go, and told what a call is about. */
#include "tamperer.h"

#include <stdlib.h>

struct kaya_tamperer *kaya_tamperer_create(void)
{
    static const struct kaya_plan no_plan;
    struct kaya_tamperer *tamperer = calloc(1, sizeof *tamperer);
    struct kaya_sim_disk_options options = { 0 };

    if (tamperer == NULL)
        return NULL;
    tamperer->seeded = kaya_choices_from_seed(0);
    tamperer->oracle = kaya_oracle_create();
    tamperer->check = kaya_look_check_create();
    tamperer->memory = kaya_sim_memory_create();
    tamperer->runtime = kaya_sim_runtime_create(0);
    options.choices = tamperer->seeded;
    if (tamperer->seeded == NULL || tamperer->oracle == NULL || tamperer->check == NULL ||
        tamperer->memory == NULL || tamperer->runtime == NULL ||
        kaya_sim_disk_create(&options, &tamperer->fork) != KAYA_OK ||
        kaya_sim_disk_create(&options, &tamperer->backup) != KAYA_OK ||
        kaya_sim_disk_create(&options, &tamperer->other_log) != KAYA_OK ||
        kaya_sim_disk_create(&options, &tamperer->copy) != KAYA_OK ||
        kaya_subject_create(KAYA_SUBJECT_LOG, &no_plan, 0, &tamperer->backup_subject) != KAYA_OK) {
        kaya_tamperer_destroy(tamperer);
        return NULL;
    }
    return tamperer;
}

void kaya_tamperer_reset(struct kaya_tamperer *tamperer)
{
    tamperer->has_backup = false;
    tamperer->has_other_log = false;
    tamperer->boots = 0;
    kaya_choices_reseed(tamperer->seeded, 0);
}

void kaya_tamperer_destroy(struct kaya_tamperer *tamperer)
{
    if (tamperer == NULL)
        return;
    kaya_subject_destroy(tamperer->backup_subject);
    kaya_image_release(&tamperer->before);
    kaya_image_release(&tamperer->after);
    kaya_image_release(&tamperer->again);
    kaya_image_release(&tamperer->old_files);
    kaya_image_release(&tamperer->other_files);
    kaya_layout_release(&tamperer->layout);
    kaya_oracle_destroy(tamperer->oracle);
    kaya_sim_disk_destroy(tamperer->copy);
    free(tamperer->copied);
    free(tamperer->blotted);
    kaya_look_check_destroy(tamperer->check);
    kaya_sim_disk_destroy(tamperer->other_log);
    kaya_sim_disk_destroy(tamperer->backup);
    kaya_sim_disk_destroy(tamperer->fork);
    kaya_sim_runtime_destroy(tamperer->runtime);
    kaya_sim_memory_destroy(tamperer->memory);
    kaya_choices_destroy(tamperer->seeded);
    free(tamperer);
}

void kaya_tamper_take_arguments(struct kaya_tamperer *tamperer, const struct kaya_plan *plan,
                                struct kaya_subject *subject, struct kaya_sim_disk *disk,
                                struct kaya_choices *choices, struct kaya_trace *trace,
                                struct kaya_violation *violation)
{
    tamperer->plan = plan;
    tamperer->subject = subject;
    tamperer->disk = disk;
    tamperer->choices = choices;
    tamperer->trace = trace;
    tamperer->violation = violation;
}
