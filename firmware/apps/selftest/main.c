/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests a chip from the inside, once at the start and then at each request of the host. The output pins show the
 * result to a person without a host: 0x0001 passed; bit 1 failed, with the failed tests in bits 8 to 15.
 *
 * A request's payload is a mask of tests whose expected value is to be wrong: they must fail, or they see nothing. */
#include "accel.h"
#include "cortex_m.h"
#include "image.h"
#include "mailbox.h"
#include "mmio.h"
#include "stdio.h"
#include "vectors.h"
#include "weights.h"

#define BYTES 4u

enum { TEST_VECTORS, TEST_TIMER0, TEST_TIMER1, TEST_GPIO, TEST_DMA, TEST_SYSTICK, TESTS };
enum { HEAD, FAILED, EXACT, CYCLES, ANSWER_WORDS };

MAILBOX volatile uint32_t mailbox_request[REQUEST_WORDS(BYTES)];
MAILBOX volatile uint32_t mailbox_answer[ANSWER_WORDS];

#define IRQ_PATIENCE 10000u

static volatile uint32_t taken; /* interrupt lines whose handler ran */
static volatile uint32_t result[ACCEL_N_OUT];
static volatile uint32_t source[8], copy[8];

void irq_8(void), irq_9(void), irq_15(void);
_Static_assert(TIMER0_IRQ == 8 && TIMER1_IRQ == 9 && DMA_IRQ == 15, "the handlers are named by their lines");

void irq_8(void) { MMIO(TIMER0_BASE + APB_TIMER_CTRL_OFFSET) = 0, taken |= 1u << 8; }
void irq_9(void) { MMIO(TIMER1_BASE + APB_TIMER_CTRL_OFFSET) = 0, taken |= 1u << 9; }
void irq_15(void) { MMIO(DMA_BASE + AHB_DMA_CTRL_OFFSET) = 0, taken |= 1u << 15; }

/* Let a line interrupt from now on. */
static void irq_expect(uint32_t line) {
    taken = 0;
    NVIC_ICPR = 1u << line;
    NVIC_ISER = 1u << line;
}

/* True when the handler of the line, and no other, runs in time. */
static bool irq_arrives(uint32_t line) {
    for (uint32_t left = IRQ_PATIENCE; left && !taken; --left) {}
    NVIC_ICER = 1u << line;
    return taken == 1u << line;
}

/* Every vector exact; notes how many are and what the engine takes. */
static bool test_vectors(uint32_t spoil) {
    uint32_t exact = 0;
    /* The vectors belong to the model's own weights. */
    if (WEIGHTS_WORDS && !accel_load(weights_image, WEIGHTS_WORDS, WEIGHTS_CRC)) return false;
    for (uint32_t n = 0; n < VECTORS; ++n) {
        mailbox_answer[CYCLES] = accel_infer(vectors_x[n], result);
        uint32_t wrong = 0;
        for (uint32_t j = 0; j < ACCEL_N_OUT; ++j) wrong |= result[j] ^ (uint32_t)vectors_y[n][j] ^ spoil;
        exact += wrong == 0;
    }
    mailbox_answer[EXACT] = exact;
    return exact == VECTORS;
}

static bool test_timer(uint32_t base, uint32_t line, uint32_t spoil) {
    MMIO(base + APB_TIMER_RELOAD_OFFSET) = 100;
    MMIO(base + APB_TIMER_CTRL_OFFSET) = APB_TIMER_CTRL_LOAD_MASK;
    irq_expect(line);
    MMIO(base + APB_TIMER_CTRL_OFFSET) = spoil ? 0 : APB_TIMER_CTRL_ENABLE_MASK | APB_TIMER_CTRL_IRQ_ENABLE_MASK;
    const bool arrived = irq_arrives(line);
    MMIO(base + APB_TIMER_CTRL_OFFSET) = 0;
    MMIO(base + APB_TIMER_STATUS_OFFSET) = APB_TIMER_STATUS_EXPIRED_MASK;
    return arrived;
}

/* The output register holds what is written; what the pins do with it, the host or a person sees. */
static bool test_gpio(uint32_t spoil) {
    bool good = true;
    for (uint32_t bit = 1; bit < 1u << 16; bit <<= 1) {
        MMIO(GPIO0_BASE + APB_GPIO_OUT_OFFSET) = bit;
        good &= MMIO(GPIO0_BASE + APB_GPIO_OUT_OFFSET) == (bit ^ spoil);
    }
    return good;
}

static bool test_dma(uint32_t spoil) {
    for (uint32_t k = 0; k < 8; ++k) {
        source[k] = 0x9E3779B9u * (k + 1);
        copy[k] = 0;
    }
    MMIO(DMA_BASE + AHB_DMA_SRC_OFFSET) = (uint32_t)source;
    MMIO(DMA_BASE + AHB_DMA_DST_OFFSET) = (uint32_t)copy;
    MMIO(DMA_BASE + AHB_DMA_COUNT_OFFSET) = 8;
    irq_expect(DMA_IRQ);
    MMIO(DMA_BASE + AHB_DMA_CTRL_OFFSET) =
        AHB_DMA_CTRL_START_MASK | AHB_DMA_CTRL_IRQ_ENABLE_MASK | 2u << AHB_DMA_CTRL_SIZE_LSB;
    bool good = irq_arrives(DMA_IRQ);
    MMIO(DMA_BASE + AHB_DMA_CTRL_OFFSET) = 0;
    MMIO(DMA_BASE + AHB_DMA_STATUS_OFFSET) = AHB_DMA_STATUS_DONE_MASK | AHB_DMA_STATUS_ERROR_MASK;
    for (uint32_t k = 0; k < 8; ++k) good &= copy[k] == (source[k] ^ spoil);
    return good;
}

/* The processor's own timer counts its clock. */
static bool test_systick(uint32_t spoil) {
    SYST_RVR = 0xFFFFFF;
    SYST_CVR = 0;
    SYST_CSR = spoil ? 4 : 5;
    const uint32_t before = SYST_CVR;
    for (uint32_t left = 10; left; --left) __asm volatile("nop");
    const uint32_t passed = before - SYST_CVR;
    SYST_CSR = 0;
    return passed >= 20 && passed < 1000;
}

static uint32_t run(uint32_t spoil) {
    uint32_t failed = 0;
#define SPOILED(test) (spoil >> (test) & 1u)
    failed |= (uint32_t)!test_vectors(SPOILED(TEST_VECTORS)) << TEST_VECTORS;
    failed |= (uint32_t)!test_timer(TIMER0_BASE, TIMER0_IRQ, SPOILED(TEST_TIMER0)) << TEST_TIMER0;
    failed |= (uint32_t)!test_timer(TIMER1_BASE, TIMER1_IRQ, SPOILED(TEST_TIMER1)) << TEST_TIMER1;
    failed |= (uint32_t)!test_gpio(SPOILED(TEST_GPIO)) << TEST_GPIO;
    failed |= (uint32_t)!test_dma(SPOILED(TEST_DMA)) << TEST_DMA;
    failed |= (uint32_t)!test_systick(SPOILED(TEST_SYSTICK)) << TEST_SYSTICK;
    MMIO(GPIO0_BASE + APB_GPIO_OUT_OFFSET) = failed ? 2u | failed << 8 : 1u;
    mailbox_answer[FAILED] = failed;
    return failed;
}

int main(void) {
    uint32_t served = 0;
    for (uint32_t k = 0; k < REQUEST_WORDS(BYTES); ++k) mailbox_request[k] = 0;
    for (uint32_t k = 0; k < ANSWER_WORDS; ++k) mailbox_answer[k] = 0;
    MMIO(GPIO0_BASE + APB_GPIO_OE_OFFSET) = 0xFFFF;
    if (!accel_matches()) {
        MMIO(SYSCTRL_BASE + SYSCTRL_SCRATCH_OFFSET) = PROGRAM_OTHER_MODEL_CODE;
        MMIO(GPIO0_BASE + APB_GPIO_OUT_OFFSET) = 2;
        put_text("selftest: the chip has another network\n");
        return 1;
    }
    interrupts_on();
    const uint32_t failed = run(0);
    answer(mailbox_answer, ANSWER_WORDS, served, FRAME_READY);
    put_text("selftest: failed ");
    put_hex(failed);
    put_text("\n");
    for (;;) {
        const uint32_t sequence = request_sequence(mailbox_request, BYTES);
        if (sequence == served) continue;
        const uint32_t status = request_check(mailbox_request, BYTES);
        if (status == FRAME_DONE) run(mailbox_request[1]);
        answer(mailbox_answer, ANSWER_WORDS, sequence, status);
        served = sequence;
    }
}
