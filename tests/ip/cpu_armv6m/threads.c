/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two threads that SysTick and PendSV switch, and interrupts that nest four deep while they run. With SEQUENTIAL
 * the same work is done by one thread without interrupts; the first two results must be equal.
 */

#include <stdint.h>

extern volatile uint32_t results[64];

static uint32_t fibonacci(uint32_t n) { return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2); }

static uint32_t work(uint32_t seed) {
    uint64_t product = 0x9E3779B97F4A7C15u + seed;
    float sum = 0;
    for (uint32_t i = 1; i < 30; ++i) {
        product = product * (seed + i) + product / (i + 77);
        sum += (float)(seed + i) / (float)i;
    }
    union { float f; uint32_t u; } bits = {sum};
    return (uint32_t)(product >> 32) ^ (uint32_t)product ^ bits.u ^ fibonacci(11 + (seed & 1));
}

#ifdef SEQUENTIAL

int main(void) {
    results[0] = work(2);
    results[1] = work(3);
    return 0;
}

#else

#define REGISTER(address) (*(volatile uint32_t *)(address))
#define ICSR REGISTER(0xE000ED04)
#define ISPR REGISTER(0xE000E200)
#define BARRIER __asm volatile("dsb\n isb" ::: "memory")

static uint32_t stacks[2][128] __attribute__((aligned(8)));
uint32_t *saved[2];
uint32_t running;
static volatile uint32_t depth, deepest, switches, done;

static void descend(uint32_t next) {
    if (++depth > deepest) deepest = depth;
    if (next < 3) {
        ISPR = 1u << next;
        BARRIER;
    }
    --depth;
}

static void line0(void) { descend(1); }
static void line1(void) { descend(2); }
static void line2(void) { descend(3); }

static void tick(void) {
    descend(0);
    ++switches;
    ICSR = 1u << 28;
}

/* Save R4 to R11 on the process stack, take the other thread's. */
__attribute__((naked)) static void pend_sv(void) {
    __asm volatile(
        "mrs r0, psp\n subs r0, #32\n ldr r3, =running\n ldr r2, =saved\n ldr r1, [r3]\n lsls r1, r1, #2\n"
        "str r0, [r2, r1]\n stmia r0!, {r4-r7}\n mov r4, r8\n mov r5, r9\n mov r6, r10\n mov r7, r11\n"
        "stmia r0!, {r4-r7}\n ldr r1, [r3]\n movs r0, #1\n eors r1, r0\n str r1, [r3]\n lsls r1, r1, #2\n"
        "ldr r0, [r2, r1]\n adds r0, #16\n ldmia r0!, {r4-r7}\n mov r8, r4\n mov r9, r5\n mov r10, r6\n"
        "mov r11, r7\n msr psp, r0\n subs r0, #32\n ldmia r0!, {r4-r7}\n bx lr\n .ltorg");
}

static void trap(void) {
    for (;;) continue;
}

__attribute__((section(".vectors"), used)) static void (*const vectors[])(void) = {
    trap, trap, trap, trap, trap, trap, trap, trap, trap, trap, trap, trap, pend_sv, tick, line0, line1, line2,
};

/* Call a function on the process stack. */
__attribute__((naked)) static void on_stack(void (*function)(void), uint32_t *stack) {
    __asm volatile(
        "push {r4, lr}\n msr psp, r1\n movs r4, #2\n msr control, r4\n isb\n blx r0\n movs r4, #0\n"
        "msr control, r4\n isb\n pop {r4, pc}");
}

static void second(void) {
    results[1] = work(3);
    done = 1;
    for (;;) continue;
}

static void first(void) {
    REGISTER(0xE000E400) = 0x004080; /* Lines 0, 1, 2: priorities 2, 1, 0 */
    REGISTER(0xE000E100) = 7;
    REGISTER(0xE000ED20) = 0xC0C00000; /* PendSV and SysTick: 3 */
    REGISTER(0xE000E014) = 700;
    REGISTER(0xE000E018) = 0;
    REGISTER(0xE000E010) = 7;
    results[0] = work(2);
    while (!done) continue;
    REGISTER(0xE000E010) = 0;
    BARRIER;
}

int main(void) {
    uint32_t *frame = &stacks[1][128 - 16];
    frame[8 + 6] = (uint32_t)second;
    frame[8 + 7] = 1u << 24;
    saved[1] = frame;
    on_stack(first, &stacks[0][128]);
    results[2] = deepest;
    results[3] = switches;
    return 0;
}

#endif
