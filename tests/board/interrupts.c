/* SPDX-License-Identifier: Apache-2.0
 *
 * Raises the interrupt of every block, one after the other, and notes which handler ran: mailbox_seen[k] counts
 * interrupt k, mailbox_nmi the watchdog's. mailbox_done is 1 at the end. */
#include "cortex_m.h"
#include "mmio.h"

#define MAILBOX __attribute__((section(".mailbox"), used))

MAILBOX volatile uint32_t mailbox_done;
MAILBOX volatile uint32_t mailbox_nmi;
MAILBOX volatile uint32_t mailbox_order; /* lines in the order of their handlers, four bits each */
MAILBOX volatile uint32_t mailbox_seen[16];

static void note(uint32_t line) {
    mailbox_seen[line]++;
    mailbox_order = mailbox_order << 4 | line;
}

void irq_0(void), irq_4(void), irq_6(void), irq_8(void), irq_9(void), irq_11(void), irq_15(void), nmi_handler(void);

void irq_0(void) { (void)MMIO(STDIO_BASE + APB_STDIO_DATA_OFFSET), note(0); }
void irq_4(void) { MMIO(UART2_BASE + APB_UART_CTRL_OFFSET) = 0, note(4); }
void irq_6(void) { MMIO(GPIO0_BASE + APB_GPIO_STATUS_OFFSET) = 0xFFFF, note(6); }
void irq_8(void) { MMIO(TIMER0_BASE + APB_TIMER_CTRL_OFFSET) = 0, note(8); }
void irq_9(void) { MMIO(TIMER1_BASE + APB_TIMER_CTRL_OFFSET) = 0, note(9); }
void irq_11(void) { MMIO(ACCEL_BASE + ACCEL_SOCKET_STATUS_OFFSET) = ACCEL_SOCKET_STATUS_DONE_MASK, note(11); }
void irq_15(void) { MMIO(DMA_BASE + AHB_DMA_CTRL_OFFSET) = 0, note(15); }
void nmi_handler(void) { MMIO(WATCHDOG_BASE + APB_WATCHDOG_STATUS_OFFSET) = 1, mailbox_nmi++; }

static void wait_for(uint32_t line) {
    for (uint32_t left = 100000; left && !mailbox_seen[line]; --left) {}
}

static void timer(uint32_t base, uint32_t line) {
    MMIO(base + APB_TIMER_RELOAD_OFFSET) = 100;
    MMIO(base + APB_TIMER_CTRL_OFFSET) = APB_TIMER_CTRL_LOAD_MASK;
    MMIO(base + APB_TIMER_CTRL_OFFSET) = APB_TIMER_CTRL_ENABLE_MASK | APB_TIMER_CTRL_IRQ_ENABLE_MASK;
    wait_for(line);
}

int main(void) {
    mailbox_done = mailbox_nmi = mailbox_order = 0;
    for (int k = 0; k < 16; ++k) mailbox_seen[k] = 0;
    NVIC_ISER = 0xFFFF;
    timer(TIMER0_BASE, 8);
    timer(TIMER1_BASE, 9);

    MMIO(UART2_BASE + APB_UART_CTRL_OFFSET) = APB_UART_CTRL_ENABLE_MASK | APB_UART_CTRL_TX_IRQ_MASK;
    wait_for(4);

    MMIO(GPIO0_BASE + APB_GPIO_RISE_ENABLE_OFFSET) = 1; /* the board raises the pin */
    wait_for(6);

    MMIO(STDIO_BASE + APB_STDIO_CTRL_OFFSET) = APB_STDIO_CTRL_IRQ_ENABLE_MASK; /* the host has sent a byte */
    wait_for(0);

    for (uint32_t i = 0; i < ACCEL_SOCKET_INPUT_BUFFER_ENTRIES; ++i) {
        MMIO(ACCEL_BASE + ACCEL_SOCKET_INPUT_BUFFER_OFFSET + 4 * i) = i;
    }
    MMIO(ACCEL_BASE + ACCEL_SOCKET_CTRL_OFFSET) = ACCEL_SOCKET_CTRL_START_MASK | ACCEL_SOCKET_CTRL_IRQ_ENABLE_MASK;
    wait_for(11);

    MMIO(DMA_BASE + AHB_DMA_SRC_OFFSET) = IMEM_BASE;
    MMIO(DMA_BASE + AHB_DMA_DST_OFFSET) = DMEM_BASE + 0x800;
    MMIO(DMA_BASE + AHB_DMA_COUNT_OFFSET) = 16;
    MMIO(DMA_BASE + AHB_DMA_CTRL_OFFSET) =
        AHB_DMA_CTRL_START_MASK | AHB_DMA_CTRL_IRQ_ENABLE_MASK | 2u << AHB_DMA_CTRL_SIZE_LSB;
    wait_for(15);

    MMIO(WATCHDOG_BASE + APB_WATCHDOG_LOAD_OFFSET) = 2000;
    MMIO(WATCHDOG_BASE + APB_WATCHDOG_CTRL_OFFSET) = APB_WATCHDOG_CTRL_ENABLE_MASK | APB_WATCHDOG_CTRL_KICK_MASK;
    for (uint32_t left = 100000; left && !mailbox_nmi; --left) {}
    MMIO(WATCHDOG_BASE + APB_WATCHDOG_LOAD_OFFSET) = 0xFFFFFFFF;
    MMIO(WATCHDOG_BASE + APB_WATCHDOG_CTRL_OFFSET) = APB_WATCHDOG_CTRL_ENABLE_MASK | APB_WATCHDOG_CTRL_KICK_MASK;
    mailbox_done = 1;
    return 0;
}
