/* SPDX-License-Identifier: Apache-2.0
 *
 * March C- over all of IMEM and DMEM but what the program itself needs, at each request of the host. The payload is
 * the address of a word to be changed on the way (the test must find it), or 0. */
#include "cortex_m.h"
#include "mailbox.h"
#include "march.h"
#include "mmio.h"
#include "stdio.h"

#define BYTES 4u
#define STACK_MARGIN 128u /* below the stack pointer of main: what the test's own calls need */

enum { HEAD, WORDS, ERRORS, ADDRESS, EXPECTED, FOUND, ANSWER_WORDS };

MAILBOX volatile uint32_t mailbox_request[REQUEST_WORDS(BYTES)];
MAILBOX volatile uint32_t mailbox_answer[ANSWER_WORDS];

extern uint8_t __image_end[], __bss_end[];

int main(void) {
    uint32_t served = 0, stack;
    for (uint32_t k = 0; k < REQUEST_WORDS(BYTES); ++k) mailbox_request[k] = 0;
    for (uint32_t k = 0; k < ANSWER_WORDS; ++k) mailbox_answer[k] = 0;
    interrupts_off();
    __asm volatile("mov %0, sp" : "=r"(stack));
    answer(mailbox_answer, ANSWER_WORDS, served, FRAME_READY);
    put_text("memtest: ready\n");
    for (;;) {
        const uint32_t sequence = request_sequence(mailbox_request, BYTES);
        if (sequence == served) continue;
        const uint32_t status = request_check(mailbox_request, BYTES);
        struct march_result result = {0, 0, 0, 0, 0};
        if (status == FRAME_DONE) {
            march(&result, (uint32_t)__image_end, IMEM_BASE + IMEM_BYTES, mailbox_request[1]);
            march(&result, (uint32_t)__bss_end, stack - STACK_MARGIN, mailbox_request[1]);
        }
        mailbox_answer[WORDS] = result.words;
        mailbox_answer[ERRORS] = result.errors;
        mailbox_answer[ADDRESS] = result.address;
        mailbox_answer[EXPECTED] = result.expected;
        mailbox_answer[FOUND] = result.found;
        answer(mailbox_answer, ANSWER_WORDS, sequence, status);
        served = sequence;
    }
}
