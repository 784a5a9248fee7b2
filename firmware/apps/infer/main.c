/* SPDX-License-Identifier: Apache-2.0
 *
 * Serves inferences. The host finds the mailbox by its symbols: it uploads the elements as one frame into
 * mailbox_request and reads mailbox_answer until it has the frame's sequence number. */
#include "accel.h"
#include "cortex_m.h"
#include "image.h"
#include "mailbox.h"
#include "mmio.h"
#include "stdio.h"
#include "weights.h"

#define BYTES (ACCEL_N_IN * sizeof(accel_in_t))

enum { HEAD, CYCLES, ELAPSED, Y, ANSWER_WORDS = Y + ACCEL_N_OUT }; /* cycles of the engine; of the processor */

MAILBOX volatile uint32_t mailbox_request[REQUEST_WORDS(BYTES)];
MAILBOX volatile uint32_t mailbox_answer[ANSWER_WORDS];

int main(void) {
    uint32_t served = 0;
    for (uint32_t k = 0; k < REQUEST_WORDS(BYTES); ++k) mailbox_request[k] = 0;
    for (uint32_t k = 0; k < ANSWER_WORDS; ++k) mailbox_answer[k] = 0;
    if (!accel_matches()) {
        MMIO(SYSCTRL_BASE + SYSCTRL_SCRATCH_OFFSET) = PROGRAM_OTHER_MODEL_CODE;
        put_text("infer: the chip has another network\n");
        return 1;
    }
    /* The model's own weights, unless the host has loaded others. */
    if (WEIGHTS_WORDS && !accel_loaded() && !accel_load(weights_image, WEIGHTS_WORDS, WEIGHTS_CRC)) {
        put_text("infer: the weights cannot be loaded\n");
        return 1;
    }
    SYST_RVR = 0xFFFFFF;
    SYST_CSR = 5; /* counts down with the processor's clock, no interrupt */
    answer(mailbox_answer, ANSWER_WORDS, served, FRAME_READY);
    put_text("infer: ready\n");
    for (;;) {
        const uint32_t sequence = request_sequence(mailbox_request, BYTES);
        if (sequence == served) continue;
        SYST_CVR = 0; /* any write clears it: the count starts again from the top */
        const uint32_t status = request_check(mailbox_request, BYTES);
        if (status == FRAME_DONE) {
            const volatile accel_in_t *x = (const volatile accel_in_t *)&mailbox_request[1];
            mailbox_answer[CYCLES] = accel_infer(x, &mailbox_answer[Y]);
        }
        mailbox_answer[ELAPSED] = 0xFFFFFF - SYST_CVR; /* all but the CRC of the answer */
        answer(mailbox_answer, ANSWER_WORDS, sequence, status);
        served = sequence;
    }
}
