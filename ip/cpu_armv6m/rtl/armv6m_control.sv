// SPDX-License-Identifier: Apache-2.0
//
// Control: what the datapath and the bus do in each cycle.
//
// Everything moves with HREADY only. Outputs named set_, write_, load_ act at the clock edge if ready_i.

module armv6m_control #(
  parameter bit FastMul = 1'b0  // MULS takes one cycle
) (
  input  logic        clk_i,          // Clock
  input  logic        rst_ni,         // Reset, active low, asynchronous assertion
  input  logic        ready_i,        // HREADY

  // Instruction
  input  logic        valid_i,        // It is here
  input  logic        fault_i,        // It could not be fetched
  input  logic        undefined_i,    // UNDEFINED, UDF, BKPT
  input  logic        thumb_i,        // The T flag
  input  logic        load_i,         // Single load
  input  logic        store_i,        // Single store
  input  logic        multiple_i,     // LDM, STM, PUSH, POP
  input  logic        mult_load_i,    // LDM, POP
  input  logic        push_i,         // PUSH
  input  logic [8:0]  list_i,         // R0 to R7, and LR or PC
  input  logic        write_back_i,   // Write back the base
  input  logic        branch_i,       // Go to the sum, if the condition holds
  input  logic        exchange_i,     // BX, BLX
  input  logic        return_i,       // BX
  input  logic        multiply_i,     // MULS
  input  logic        svc_i,          // SVC
  input  logic        cps_i,          // CPS
  input  logic        msr_i,          // MSR
  input  logic        wfi_i,          // WFI
  input  logic        wfe_i,          // WFE
  input  logic        sev_i,          // SEV
  input  logic        write_i,        // Write the destination
  input  logic        set_nz_i,       // Set N and Z
  input  logic        set_c_i,        // Set C
  input  logic        set_v_i,        // Set V
  input  logic [2:0]  rt_i,           // Register to load or store

  // Bus
  input  logic        blocked_i,      // No address phase is accepted
  input  logic        data_i,         // A data access is in its data phase
  input  logic        error_i,        // It fails (if ready_i)
  input  logic        internal_i,     // It does not use the bus
  input  logic        misaligned_i,   // The address does not fit the size
  output logic        access_o,       // Address phase of a data access
  output logic        store_o,        // It is a store
  output logic        word_o,         // It is a word
  output logic        base_o,         // Its address is register A, not the sum; so is what keep_o keeps
  output logic        frame_o,        // Its address is the sum with bit 2 cleared
  output logic        fetch_o,        // The bus is free for a fetch

  // Program counter
  output logic        step_o,         // Go to the next instruction
  output logic        go_o,           // Go to the word that could be written: the sum, or the loaded word
  output logic        go_lockup_o,    // Go to 0xFFFF_FFFE

  // Datapath
  output logic [3:0]  state_o,        // State, see armv6m_pkg
  output logic [4:0]  count_o,        // Beat, or bit of a multiplication
  output logic [3:0]  reg_o,          // Register of the data phase (stacking: 13 xPSR, 15 PC)
  output logic        keep_o,         // Keep the address in the address register
  output logic        write_o,        // Write a register
  output logic        write_load_o,   // The loaded word, not the result or sum
  output logic        write_link_o,   // EXC_RETURN
  output logic        write_sum_o,    // The sum
  output logic        write_reg_o,    // To reg_o
  output logic        write_sp_o,     // To the stack pointer
  output logic        write_lr_o,     // To LR
  output logic        align_o,        // The frame was moved by a word

  // Status
  output logic        set_nz_o,       // Set N and Z
  output logic        set_c_o,        // Set C
  output logic        set_v_o,        // Set V
  output logic        set_t_o,        // Set T to bit 0 of the target
  output logic        cps_o,          // CPS
  output logic        msr_o,          // MSR
  output logic        unstack_o,      // Take over the stacked xPSR
  output logic        set_sp_o,       // Set CONTROL.SPSEL
  output logic        sp_o,           // To this
  output logic        enter_o,        // Enter exception vector_o
  output logic        leave_o,        // A handler ends
  output logic        lock_o,         // Lockup
  output logic        svc_o,          // SVCall becomes pending
  output logic [5:0]  vector_o,       // Number of the vector to read; exception number
  output logic        hold_o,         // The choice among pending exceptions must not change now
  output logic [1:0]  ret_o,          // EXC_RETURN bits 3:2: Thread mode, PSP
  output logic        hard_o,         // HardFault is pending

  // Exceptions
  input  logic        handler_i,      // Handler mode
  input  logic        psp_i,          // The stack pointer is PSP
  input  logic        fatal_i,        // A fault is a lockup
  input  logic        preempt_i,      // A pending exception goes before what runs now
  input  logic        wake_i,         // It would without PRIMASK
  input  logic        svc_ok_i,       // SVCall would
  input  logic        nmi_i,          // NMI is pending
  input  logic [5:0]  num_i,          // Pending exception of configurable priority
  input  logic        event_i,        // An event for WFE
  input  logic        sleeponexit_i,  // SCR.SLEEPONEXIT
  input  logic        misframed_i,    // The stack pointer is not a multiple of 8
  input  logic [31:1] pc_i,           // Program counter
  output logic        sev_o,          // SEV
  output logic        sleeping_o,     // WFI or WFE waits
  output logic        lockup_o        // Locked up
);

  // A code of few bits is smaller here than the one bit for each state that Yosys would choose.
  logic [3:0] state_d;
  (* fsm_encoding = "none" *) logic [3:0] state_q;
  logic [4:0] count_q, count_d;
  logic [8:0] list_now, head;
  logic [3:0] reg_q, reg_d, lowest;
  logic [1:0] ret_q, ret_d;
  logic       align_q;
  logic       booting_q;     // The reset vector has not been read
  logic       hard_q, hard_set, event_q, event_clear;
  logic       scs_write_q;   // The choice does not yet know of a write to the private peripheral bus
  logic       bad, fault, derived, lock, take, last, to_pc;
  logic       exc_return;
  logic       unused_bits;

  assign unused_bits = ^{pc_i[27:4], pc_i[1]};

  //////////////////////////////
  // Registers of a multiple  //
  //////////////////////////////

  // All of them first, then those above that of the data phase.
  always_comb begin
    for (int i = 0; i < 9; i++) begin
      list_now[i] = list_i[i] & ((state_q == armv6m_pkg::StExecute) | ($unsigned(4'(i)) > reg_q));
    end
  end
  always_comb begin
    lowest = 4'd0;
    for (int i = 0; i < 8; i++) begin
      lowest = lowest | ($unsigned(4'(i)) & {4{head[i]}});
    end
    if (head[8]) begin
      lowest = {3'b111, mult_load_i};
    end
  end

  // The first register that is left, as one bit.
  assign head = list_now & (~list_now + 9'd1);

  assign last  = list_now == 9'd0;
  assign to_pc = mult_load_i & list_i[8];

  ////////////////
  // Conditions //
  ////////////////

  assign bad        = fault_i | ~thumb_i | undefined_i;
  assign take       = preempt_i & ~scs_write_q;
  assign exc_return = pc_i[31:28] == 4'hF;

  ///////////
  // State //
  ///////////

  always_comb begin
    state_d      = state_q;
    count_d      = 5'd0;
    reg_d        = lowest;
    ret_d        = ret_q;
    access_o     = 1'b0;
    store_o      = 1'b0;
    word_o       = 1'b1;
    base_o       = 1'b0;
    frame_o      = 1'b0;
    fetch_o      = 1'b0;
    step_o       = 1'b0;
    go_o         = 1'b0;
    go_lockup_o  = 1'b0;
    keep_o       = 1'b1;
    write_o      = 1'b0;
    write_load_o = 1'b0;
    write_link_o = 1'b0;
    write_sum_o  = 1'b0;
    write_reg_o  = 1'b0;
    write_sp_o   = 1'b0;
    write_lr_o   = 1'b0;
    set_nz_o     = 1'b0;
    set_c_o      = 1'b0;
    set_v_o      = 1'b0;
    set_t_o      = 1'b0;
    cps_o        = 1'b0;
    msr_o        = 1'b0;
    unstack_o    = 1'b0;
    set_sp_o     = 1'b0;
    sp_o         = 1'b0;
    enter_o      = 1'b0;
    leave_o      = 1'b0;
    svc_o        = 1'b0;
    sev_o        = 1'b0;
    fault        = 1'b0;
    derived      = 1'b0;
    lock         = 1'b0;
    event_clear  = 1'b0;

    case (state_q)
      ///////////
      // Reset //
      ///////////
      armv6m_pkg::StReset: begin
        access_o = 1'b1;
        state_d  = armv6m_pkg::StResetPc;
      end
      armv6m_pkg::StResetPc: begin
        access_o     = 1'b1;
        write_o      = 1'b1;
        write_load_o = 1'b1;
        write_sp_o   = 1'b1;
        state_d      = armv6m_pkg::StVectorEnd;
        lock         = error_i;
      end

      /////////////////
      // Instruction //
      /////////////////
      armv6m_pkg::StExecute: begin
        if (take) begin
          state_d = armv6m_pkg::StStack;
        end else if (!valid_i) begin
          fetch_o = 1'b1;
        end else if (bad) begin
          fault = 1'b1;
        end else if (load_i | store_i) begin
          word_o   = 1'b0;
          access_o = ~misaligned_i;
          fault    = misaligned_i;
          store_o  = store_i;
          reg_d    = {1'b0, rt_i};
          state_d  = armv6m_pkg::StMemory;
        end else if (multiple_i) begin
          access_o    = ~misaligned_i;
          fault       = misaligned_i;
          store_o     = ~mult_load_i;
          base_o      = ~push_i;
          write_o     = ~misaligned_i & write_back_i & (push_i | mult_load_i);
          write_sum_o = 1'b1;
          state_d     = armv6m_pkg::StMultiple;
        end else if (branch_i) begin
          go_o    = 1'b1;
          set_t_o = exchange_i;
          base_o  = 1'b1;  // Keep the link
          if (write_i) begin
            state_d = armv6m_pkg::StLink;
          end else if (return_i & handler_i) begin
            state_d = armv6m_pkg::StReturn;
          end
        end else if (svc_i) begin
          step_o  = 1'b1;
          svc_o   = svc_ok_i;
          fault   = ~svc_ok_i;
          state_d = armv6m_pkg::StStack;
        end else begin
          fetch_o  = 1'b1;
          write_o  = write_i;
          set_nz_o = set_nz_i;
          set_c_o  = set_c_i;
          set_v_o  = set_v_i;
          cps_o    = cps_i;
          msr_o    = msr_i;
          sev_o    = sev_i;
          step_o   = 1'b1;
          if (multiply_i & !FastMul) begin
            {step_o, write_o, set_nz_o} = 3'b000;
            count_d = 5'd1;
            state_d = armv6m_pkg::StMultiply;
          end
          if (wfi_i & ~wake_i) begin
            state_d = armv6m_pkg::StSleep;
          end
          if (wfe_i) begin
            event_clear = 1'b1;
            state_d     = event_q ? armv6m_pkg::StExecute : armv6m_pkg::StWaitEvent;
          end
        end
      end
      armv6m_pkg::StLink: begin
        fetch_o     = 1'b1;
        write_o     = 1'b1;
        write_sum_o = 1'b1;
        write_lr_o  = 1'b1;
        state_d     = armv6m_pkg::StExecute;
      end
      armv6m_pkg::StMultiply: begin
        fetch_o = 1'b1;
        count_d = count_q + 5'd1;
        if (count_q == 5'd31) begin
          write_o  = 1'b1;
          set_nz_o = 1'b1;
          step_o   = 1'b1;
          state_d  = armv6m_pkg::StExecute;
        end
      end
      armv6m_pkg::StMemory: begin
        fetch_o      = ~(internal_i & error_i);
        fault        = error_i;
        step_o       = ~error_i;
        write_o      = load_i & ~error_i;
        write_load_o = 1'b1;
        write_reg_o  = 1'b1;
        state_d      = armv6m_pkg::StExecute;
      end
      armv6m_pkg::StMultiple: begin
        store_o      = ~mult_load_i;
        write_load_o = mult_load_i;
        write_reg_o  = mult_load_i;
        write_sum_o  = ~mult_load_i;
        write_o      = ~error_i & (mult_load_i ? (reg_q != 4'd15) : (last & ~push_i));
        if (error_i) begin
          state_d = armv6m_pkg::StRestore;
        end else if (!last) begin
          access_o = 1'b1;
        end else begin
          go_o      = to_pc;
          set_t_o   = to_pc;
          step_o    = 1'b1;
          fetch_o   = ~to_pc;
          state_d   = (to_pc & handler_i) ? armv6m_pkg::StReturn : armv6m_pkg::StExecute;
        end
      end
      armv6m_pkg::StRestore: begin
        write_o     = write_back_i & (push_i | mult_load_i);
        write_sum_o = 1'b1;
        fault       = 1'b1;
      end

      ////////////////
      // Exceptions //
      ////////////////
      armv6m_pkg::StStack: begin
        access_o    = 1'b1;
        store_o     = 1'b1;
        frame_o     = count_q == 5'd0;
        write_o     = count_q == 5'd0;
        write_sum_o = 1'b1;
        write_sp_o  = 1'b1;
        count_d     = count_q + 5'd1;
        if (count_q == 5'd0) begin
          ret_d = {~handler_i, psp_i};
        end
        if (data_i & error_i) begin
          derived = 1'b1;
        end else if (count_q == 5'd7) begin
          state_d = armv6m_pkg::StVector;
        end
      end
      armv6m_pkg::StVector: begin
        access_o     = 1'b1;
        write_link_o = 1'b1;
        write_lr_o   = 1'b1;
        derived      = data_i & error_i;
        write_o      = ~derived;
        set_sp_o     = 1'b1;
        state_d      = armv6m_pkg::StVectorEnd;
      end
      armv6m_pkg::StVectorEnd: begin
        write_load_o = 1'b1;
        if (error_i & (booting_q | nmi_i | hard_q)) begin
          lock = 1'b1;
        end else if (error_i) begin
          derived = 1'b1;
        end else begin
          go_o    = 1'b1;
          set_t_o = 1'b1;
          enter_o = ~booting_q;
          state_d = armv6m_pkg::StExecute;
        end
      end
      armv6m_pkg::StReturn: begin
        fetch_o = ~exc_return;
        state_d = armv6m_pkg::StExecute;
        if (exc_return) begin
          leave_o  = 1'b1;
          ret_d    = pc_i[3:2];
          set_sp_o = 1'b1;
          sp_o     = pc_i[2];
          state_d  = armv6m_pkg::StUnstack;
        end
      end
      armv6m_pkg::StUnstack: begin
        write_load_o = ~count_q[3];
        write_reg_o  = ~count_q[3];
        write_sum_o  = count_q[3];
        write_sp_o   = count_q[3];
        count_d      = count_q + 5'd1;
        if ((count_q == 5'd0) & preempt_i) begin
          state_d = armv6m_pkg::StVector;
          count_d = 5'd0;
        end else if (data_i & error_i) begin
          derived = 1'b1;
        end else begin
          access_o  = ~count_q[3];
          write_o   = data_i & (reg_q != 4'd15);
          go_o      = data_i & (reg_q == 4'd15);
          if (count_q[3]) begin
            unstack_o = 1'b1;
            fetch_o   = 1'b1;
            count_d   = 5'd0;
            state_d   = (sleeponexit_i & ret_q[1]) ? armv6m_pkg::StSleep : armv6m_pkg::StExecute;
          end
        end
      end

      /////////////
      // Waiting //
      /////////////
      armv6m_pkg::StSleep: begin
        if (wake_i) begin
          state_d = armv6m_pkg::StExecute;
        end
      end
      armv6m_pkg::StWaitEvent: begin
        if (event_q | preempt_i) begin
          event_clear = event_q;
          state_d     = armv6m_pkg::StExecute;
        end
      end
      default: begin  // StLockup
        go_lockup_o = 1'b1;
        if (preempt_i) begin
          state_d = armv6m_pkg::StStack;
        end
      end
    endcase

    // Stacking, unstacking: the register of the beat.
    if ((state_q == armv6m_pkg::StStack) | (state_q == armv6m_pkg::StUnstack)) begin
      case (count_q[2:0])
        3'd4:    reg_d = 4'd12;
        3'd5:    reg_d = 4'd14;
        3'd6:    reg_d = 4'd15;
        3'd7:    reg_d = 4'd13;
        default: reg_d = {2'b00, count_q[1:0]};
      endcase
    end

    if (fault) begin
      state_d = armv6m_pkg::StStack;
    end
    if (derived) begin
      state_d = armv6m_pkg::StVector;
      count_d = 5'd0;
    end
    if (lock | (fault & fatal_i) | (derived & (fatal_i | hard_q))) begin
      state_d = armv6m_pkg::StLockup;
      count_d = 5'd0;
    end

    // The address phase of this cycle is not accepted because a fetch ends with ERROR: wait.
    if (blocked_i) begin
      state_d = state_q;
      count_d = count_q;
      reg_d   = reg_q;
      ret_d   = ret_q;
      {step_o, go_o, write_o, set_nz_o, set_c_o, set_v_o, set_t_o, cps_o, msr_o} = '0;
      {set_sp_o, leave_o, svc_o, sev_o, fault, derived, event_clear, keep_o} = '0;
    end
  end

  assign lock_o   = state_d == armv6m_pkg::StLockup;
  assign hard_set = (fault | derived) & ~lock_o;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      state_q     <= armv6m_pkg::StReset;
      count_q     <= 5'd0;
      booting_q   <= 1'b1;
      hard_q      <= 1'b0;
      event_q     <= 1'b0;
      scs_write_q <= 1'b0;
    end else begin
      event_q <= event_i | (ready_i & (sev_o | enter_o | leave_o)) | (event_q & ~(ready_i & event_clear));
      if (ready_i) begin
        state_q     <= state_d;
        count_q     <= count_d;
        hard_q      <= hard_set | (hard_q & ~(enter_o & ~nmi_i));
        scs_write_q <= data_i & internal_i;
        booting_q   <= booting_q & (state_q != armv6m_pkg::StVectorEnd);
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (ready_i) begin
      reg_q  <= reg_d;
      ret_q  <= ret_d;
      if ((state_q == armv6m_pkg::StStack) & (count_q == 5'd0)) begin
        align_q <= misframed_i;
      end
    end
  end

  // The highest pending exception while its vector is addressed is the one that is entered: late arrival.
  // The choice then waits for the vector.
  assign hold_o = state_q == armv6m_pkg::StVector;

  always_comb begin
    if (state_q == armv6m_pkg::StResetPc) begin
      vector_o = 6'd1;
    end else if (state_q == armv6m_pkg::StReset) begin
      vector_o = 6'd0;
    end else begin
      vector_o = nmi_i ? 6'd2 : (hard_q ? 6'd3 : num_i);
    end
  end

  assign state_o    = state_q;
  assign count_o    = count_q;
  assign reg_o      = reg_q;
  assign align_o    = align_q;
  assign ret_o      = ret_q;
  assign hard_o     = hard_q;
  assign sleeping_o = (state_q == armv6m_pkg::StSleep) | (state_q == armv6m_pkg::StWaitEvent);
  assign lockup_o   = state_q == armv6m_pkg::StLockup;

`ifdef FORMAL
  // No deadlock: every instruction that is here ends or changes the state ...
  always_comb begin
    if (state_q == armv6m_pkg::StExecute && valid_i && !blocked_i && !(multiply_i && wfe_i)) begin
      assert (step_o || go_o || state_d != armv6m_pkg::StExecute);
    end
  end
`endif
`ifdef FORMAL_ALONE
  // ... and every state between instructions but sleep and lockup ends, whatever the inputs do.
  logic [6:0] busy_q;
  logic       between;

  assign between = state_q != armv6m_pkg::StExecute && !sleeping_o && !lockup_o;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      busy_q <= 7'd0;
    end else if (ready_i) begin
      busy_q <= (between && !blocked_i) ? busy_q + 7'd1 : 7'd0;
    end
  end
  always_comb begin
    assert (busy_q < 7'd72);
  end
`endif

endmodule
