// SPDX-License-Identifier: Apache-2.0
//
// Processor core that executes the Armv6-M instruction set. An own design from the public description of the
// architecture; not a product of Arm and not certified by Arm.
//
// Two stages: fetch, and decode with execute. One AHB-Lite master for instructions and data. All inputs are
// synchronous to the clock.

module cpu_armv6m #(
  parameter bit          FastMul = 1'b0,          // MULS takes 1 cycle instead of 32
  parameter int          NumIrq  = 32,            // Interrupt lines, 1 to 32
  parameter logic [31:0] IrqUsed = '1,            // Those that exist; the registers of the others read 0
  parameter bit          Vtor    = 1'b0,          // The vector table can be moved
  parameter logic [31:0] CpuId   = 32'h000C_A000  // CPUID register
) (
  input  logic        clk_i,         // Clock; all inputs and outputs are synchronous to it
  input  logic        rst_ni,        // Reset, active low: asynchronous assertion, synchronous release

  // AHB-Lite master
  output logic [31:0] haddr_o,       // Address
  output logic [1:0]  htrans_o,      // IDLE or NONSEQ
  output logic [2:0]  hsize_o,       // Size: 0 byte, 1 halfword, 2 word
  output logic [2:0]  hburst_o,      // SINGLE
  output logic [3:0]  hprot_o,       // Bit 0: 1 data, 0 instructions; privileged
  output logic        hmastlock_o,   // Never locked
  output logic        hwrite_o,      // 1 write, 0 read
  output logic [31:0] hwdata_o,      // Write data, in the data phase
  input  logic [31:0] hrdata_i,      // Read data, in the data phase
  input  logic        hready_i,      // The data phase ends
  input  logic        hresp_i,       // 1 ERROR

  // Interrupts and events
  input  logic [31:0] irq_i,         // Interrupt lines, level or pulse; NumIrq of them are used
  input  logic        nmi_i,         // Non-maskable interrupt, level or pulse
  input  logic        rxev_i,        // Event from outside, wakes WFE
  output logic        txev_o,        // One-cycle pulse: SEV was executed

  // SysTick
  input  logic        st_tick_i,     // Reference clock: SysTick counts in each cycle in which it is 1
  input  logic [25:0] st_calib_i,    // CALIB: bit 25 NOREF, bit 24 SKEW, bits 23:0 TENMS

  // System
  output logic        sleeping_o,    // WFI or WFE waits
  output logic        sleepdeep_o,   // SCR.SLEEPDEEP
  output logic        lockup_o,      // Locked up; ends by reset or NMI
  output logic        sysresetreq_o  // Software asks for a reset; 1 until reset
);

  // From the decoder
  logic [3:0] d_rd, d_cond;
  logic [2:0] d_rt;
  logic [1:0] d_size;
  logic d_a_use, d_a_word, d_b_use, d_invert, d_carry_one, d_carry_flag, d_left, d_rotate, d_arith, d_write,
        d_set_nz, d_set_c, d_set_v, d_load, d_store, d_signed, d_multiple, d_mult_load, d_push,
        d_write_back, d_branch, d_condition, d_exchange, d_return, d_multiply, d_svc, d_cps, d_mrs, d_msr,
        d_wfi, d_wfe, d_sev, d_undefined;
  logic [31:0] d_imm;
  logic [2:0] d_extend;
  logic [5:0] d_amount;
  logic [6:0] d_result;
  logic [7:0] d_sysm;
  logic [8:0] d_list;

  // From the control
  logic access, c_store, word, base, frame, free, fetch, step, go, go_lockup, keep, c_write,
        write_load, write_link, write_sum, write_reg, write_sp, write_lr, align, c_set_nz, c_set_c,
        c_set_v, set_t, c_cps, c_msr, unstack, set_sp, sp, enter, leave, lock, hold, c_svc, hard, sev;
  logic [3:0] state, data_reg;
  logic [4:0] count;
  logic [5:0] vector;
  logic [1:0] ret;

  // Instruction, program counter
  logic [15:0] first, second;
  logic [3:0]  ra, rb;  // Registers A and B
  logic        no_a;
  logic [31:1] pc;
  logic [31:2] ahead;
  logic [31:0] target;
  logic        instr_valid, instr_fault, prefetch, condition;

  // Data
  logic [2:0]  sum;  // Low bits
  logic [31:0] write_word, addr, value_b, store_word, load_word, special, scs_rdata, bus_rdata;
  logic [19:0] data_addr;  // In the data phase
  logic [3:0]  nzcv, nzcv_new;
  logic [1:0]  size, in_size;
  logic        misaligned, blocked, in_fetch, in_data, in_internal, in_store, in_signed;
  logic        data_error, bus_error, scs_error;

  // Exceptions
  logic [5:0]  ipsr, irq_num;
  logic [1:0]  irq_prio, svc_prio;
  logic [31:8] vtor;
  logic        thumb, psp, fatal, preempt, wake, svc_ok, nmi, irq_valid, new_pending;
  logic        sevonpend, sleeponexit;

  assign hburst_o    = 3'b000;
  assign hmastlock_o = 1'b0;
  assign txev_o      = sev & hready_i;

  ///////////
  // Fetch //
  ///////////

  assign target = write_word | {{31{go_lockup}}, 1'b0};
  assign fetch  = free & prefetch;

  armv6m_fetch i_fetch (
    .clk_i    ( clk_i                        ),
    .rst_ni   ( rst_ni                       ),
    .ready_i  ( hready_i                     ),
    .load_i   ( go | go_lockup               ),
    .target_i ( target[31:1]                 ),
    .step_i   ( step                         ),
    .pc_o     ( pc                           ),
    .ahead_o  ( ahead                        ),
    .first_o  ( first                        ),
    .second_o ( second                       ),
    .ra_o     ( ra                           ),
    .none_o   ( no_a                         ),
    .rb_o     ( rb                           ),
    .valid_o  ( instr_valid                  ),
    .fault_o  ( instr_fault                  ),
    .req_o    ( prefetch                     ),
    .done_i   ( in_fetch                     ),
    .rdata_i  ( hrdata_i                     ),
    .error_i  ( bus_error | in_internal      )
  );

  armv6m_decode #(
    .FastMul ( FastMul )
  ) i_decode (
    .first_i      ( first        ),
    .second_i     ( second       ),
    .rd_o         ( d_rd         ),
    .rt_o         ( d_rt         ),
    .a_use_o      ( d_a_use      ),
    .a_word_o     ( d_a_word     ),
    .b_use_o      ( d_b_use      ),
    .imm_o        ( d_imm        ),
    .invert_o     ( d_invert     ),
    .carry_one_o  ( d_carry_one  ),
    .carry_flag_o ( d_carry_flag ),
    .extend_o     ( d_extend     ),
    .left_o       ( d_left       ),
    .rotate_o     ( d_rotate     ),
    .arith_o      ( d_arith      ),
    .amount_o     ( d_amount     ),
    .result_o     ( d_result     ),
    .write_o      ( d_write      ),
    .set_nz_o     ( d_set_nz     ),
    .set_c_o      ( d_set_c      ),
    .set_v_o      ( d_set_v      ),
    .load_o       ( d_load       ),
    .store_o      ( d_store      ),
    .size_o       ( d_size       ),
    .signed_o     ( d_signed     ),
    .multiple_o   ( d_multiple   ),
    .mult_load_o  ( d_mult_load  ),
    .push_o       ( d_push       ),
    .list_o       ( d_list       ),
    .write_back_o ( d_write_back ),
    .branch_o     ( d_branch     ),
    .condition_o  ( d_condition  ),
    .cond_o       ( d_cond       ),
    .exchange_o   ( d_exchange   ),
    .return_o     ( d_return     ),
    .multiply_o   ( d_multiply   ),
    .svc_o        ( d_svc        ),
    .cps_o        ( d_cps        ),
    .mrs_o        ( d_mrs        ),
    .msr_o        ( d_msr        ),
    .sysm_o       ( d_sysm       ),
    .wfi_o        ( d_wfi        ),
    .wfe_o        ( d_wfe        ),
    .sev_o        ( d_sev        ),
    .undefined_o  ( d_undefined  )
  );

  always_comb begin
    case (d_cond[3:1])
      3'd0:    condition = nzcv[2];                               // EQ
      3'd1:    condition = nzcv[1];                               // CS
      3'd2:    condition = nzcv[3];                               // MI
      3'd3:    condition = nzcv[0];                               // VS
      3'd4:    condition = nzcv[1] & ~nzcv[2];                    // HI
      3'd5:    condition = nzcv[3] == nzcv[0];                    // GE
      3'd6:    condition = ~nzcv[2] & (nzcv[3] == nzcv[0]);       // GT
      default: condition = 1'b1;
    endcase
    condition = condition ^ d_cond[0];
  end

  /////////////
  // Execute //
  /////////////

  armv6m_control #(
    .FastMul ( FastMul )
  ) i_control (
    .clk_i         ( clk_i                                 ),
    .rst_ni        ( rst_ni                                ),
    .ready_i       ( hready_i                              ),
    .valid_i       ( instr_valid                           ),
    .fault_i       ( instr_fault                           ),
    .undefined_i   ( d_undefined                           ),
    .thumb_i       ( thumb                                 ),
    .load_i        ( d_load                                ),
    .store_i       ( d_store                               ),
    .multiple_i    ( d_multiple                            ),
    .mult_load_i   ( d_mult_load                           ),
    .push_i        ( d_push                                ),
    .list_i        ( d_list                                ),
    .write_back_i  ( d_write_back                          ),
    .branch_i      ( d_branch & (~d_condition | condition) ),
    .exchange_i    ( d_exchange                            ),
    .return_i      ( d_return                              ),
    .multiply_i    ( d_multiply                            ),
    .svc_i         ( d_svc                                 ),
    .cps_i         ( d_cps                                 ),
    .msr_i         ( d_msr                                 ),
    .wfi_i         ( d_wfi                                 ),
    .wfe_i         ( d_wfe                                 ),
    .sev_i         ( d_sev                                 ),
    .write_i       ( d_write                               ),
    .set_nz_i      ( d_set_nz                              ),
    .set_c_i       ( d_set_c                               ),
    .set_v_i       ( d_set_v                               ),
    .rt_i          ( d_rt                                  ),
    .blocked_i     ( blocked                               ),
    .data_i        ( in_data                               ),
    .error_i       ( data_error                            ),
    .internal_i    ( in_internal                           ),
    .misaligned_i  ( misaligned                            ),
    .access_o      ( access                                ),
    .store_o       ( c_store                               ),
    .word_o        ( word                                  ),
    .base_o        ( base                                  ),
    .frame_o       ( frame                                 ),
    .fetch_o       ( free                                  ),
    .step_o        ( step                                  ),
    .go_o          ( go                                    ),
    .go_lockup_o   ( go_lockup                             ),
    .state_o       ( state                                 ),
    .count_o       ( count                                 ),
    .reg_o         ( data_reg                              ),
    .keep_o        ( keep                                  ),
    .write_o       ( c_write                               ),
    .write_load_o  ( write_load                            ),
    .write_link_o  ( write_link                            ),
    .write_sum_o   ( write_sum                             ),
    .write_reg_o   ( write_reg                             ),
    .write_sp_o    ( write_sp                              ),
    .write_lr_o    ( write_lr                              ),
    .align_o       ( align                                 ),
    .set_nz_o      ( c_set_nz                              ),
    .set_c_o       ( c_set_c                               ),
    .set_v_o       ( c_set_v                               ),
    .set_t_o       ( set_t                                 ),
    .cps_o         ( c_cps                                 ),
    .msr_o         ( c_msr                                 ),
    .unstack_o     ( unstack                               ),
    .set_sp_o      ( set_sp                                ),
    .sp_o          ( sp                                    ),
    .enter_o       ( enter                                 ),
    .leave_o       ( leave                                 ),
    .lock_o        ( lock                                  ),
    .svc_o         ( c_svc                                 ),
    .vector_o      ( vector                                ),
    .hold_o        ( hold                                  ),
    .ret_o         ( ret                                   ),
    .hard_o        ( hard                                  ),
    .handler_i     ( ipsr != 6'd0                          ),
    .psp_i         ( psp                                   ),
    .fatal_i       ( fatal                                 ),
    .preempt_i     ( preempt                               ),
    .wake_i        ( wake                                  ),
    .svc_ok_i      ( svc_ok                                ),
    .nmi_i         ( nmi                                   ),
    .num_i         ( irq_num                               ),
    .event_i       ( rxev_i | (sevonpend & new_pending)    ),
    .sleeponexit_i ( sleeponexit                           ),
    .misframed_i   ( sum[2]                                ),
    .pc_i          ( pc                                    ),
    .sev_o         ( sev                                   ),
    .sleeping_o    ( sleeping_o                            ),
    .lockup_o      ( lockup_o                              )
  );

  armv6m_datapath #(
    .FastMul ( FastMul )
  ) i_datapath (
    .clk_i        ( clk_i        ),
    .ready_i      ( hready_i     ),
    .ra_i         ( ra           ),
    .none_i       ( no_a         ),
    .rb_i         ( rb           ),
    .rd_i         ( d_rd         ),
    .a_use_i      ( d_a_use      ),
    .a_word_i     ( d_a_word     ),
    .b_use_i      ( d_b_use      ),
    .imm_i        ( d_imm        ),
    .invert_i     ( d_invert     ),
    .carry_one_i  ( d_carry_one  ),
    .carry_flag_i ( d_carry_flag ),
    .extend_i     ( d_extend     ),
    .left_i       ( d_left       ),
    .rotate_i     ( d_rotate     ),
    .arith_i      ( d_arith      ),
    .amount_i     ( d_amount     ),
    .result_i     ( d_result     ),
    .exchange_i   ( d_exchange   ),
    .multiply_i   ( d_multiply   ),
    .mrs_i        ( d_mrs        ),
    .msr_i        ( d_msr        ),
    .sysm_i       ( d_sysm[0]    ),
    .state_i      ( state        ),
    .count_i      ( count        ),
    .data_i       ( in_data      ),
    .reg_i        ( data_reg     ),
    .keep_i       ( keep         ),
    .base_i       ( base         ),
    .frame_i      ( frame        ),
    .write_i      ( c_write      ),
    .write_load_i ( write_load   ),
    .write_link_i ( write_link   ),
    .write_sum_i  ( write_sum    ),
    .write_reg_i  ( write_reg    ),
    .write_sp_i   ( write_sp     ),
    .write_lr_i   ( write_lr     ),
    .ret_i        ( ret          ),
    .vector_i     ( vector       ),
    .align_i      ( align        ),
    .pc_i         ( pc           ),
    .ahead_i      ( ahead        ),
    .vtor_i       ( vtor         ),
    .load_i       ( load_word    ),
    .special_i    ( special      ),
    .nzcv_i       ( nzcv         ),
    .thumb_i      ( thumb        ),
    .ipsr_i       ( ipsr         ),
    .psp_i        ( psp          ),
    .nzcv_o       ( nzcv_new     ),
    .sum_o        ( sum          ),
    .write_o      ( write_word   ),
    .addr_o       ( addr         ),
    .addr_data_o  ( data_addr    ),
    .b_o          ( value_b      ),
    .store_o      ( store_word   )
  );

  armv6m_status i_status (
    .clk_i        ( clk_i                         ),
    .rst_ni       ( rst_ni                        ),
    .ready_i      ( hready_i                      ),
    .set_nz_i     ( c_set_nz                      ),
    .set_c_i      ( c_set_c                       ),
    .set_v_i      ( c_set_v                       ),
    .nzcv_i       ( nzcv_new                      ),
    .set_t_i      ( set_t                         ),
    .t_i          ( target[0]                     ),
    .cps_i        ( c_cps                         ),
    .primask_i    ( first[4]                      ),
    .msr_i        ( c_msr                         ),
    .sysm_i       ( d_sysm                        ),
    .value_i      ( unstack ? load_word : value_b ),
    .unstack_i    ( unstack                       ),
    .to_thread_i  ( ret[1]                        ),
    .set_sp_i     ( set_sp                        ),
    .sp_i         ( sp                            ),
    .enter_i      ( enter                         ),
    .enter_num_i  ( vector                        ),
    .enter_prio_i ( irq_prio                      ),
    .leave_i      ( leave                         ),
    .lock_i       ( lock                          ),
    .nzcv_o       ( nzcv                          ),
    .t_o          ( thumb                         ),
    .ipsr_o       ( ipsr                          ),
    .psp_o        ( psp                           ),
    .special_o    ( special                       ),
    .nmi_i        ( nmi                           ),
    .hard_i       ( hard                          ),
    .valid_i      ( irq_valid                     ),
    .prio_i       ( irq_prio                      ),
    .svc_prio_i   ( svc_prio                      ),
    .preempt_o    ( preempt                       ),
    .wake_o       ( wake                          ),
    .svc_ok_o     ( svc_ok                        ),
    .fatal_o      ( fatal                         )
  );

  /////////
  // Bus //
  /////////

  assign size       = word ? 2'd2 : d_size;
  assign bus_rdata  = (hrdata_i & ~{32{in_internal}}) | scs_rdata;
  assign data_error = in_internal ? scs_error : bus_error;

  armv6m_lsu i_lsu (
    .size_i       ( size                               ),
    .addr_i       ( sum[1:0]                           ),
    .misaligned_o ( misaligned                         ),
    .d_size_i     ( in_size                            ),
    .d_addr_i     ( data_addr[1:0]                     ),
    .d_signed_i   ( in_signed                          ),
    .store_i      ( store_word                         ),
    .store_o      ( hwdata_o                           ),
    .load_i       ( bus_rdata                          ),
    .load_o       ( load_word                          )
  );

  armv6m_bus i_bus (
    .clk_i      ( clk_i            ),
    .rst_ni     ( rst_ni           ),
    .fetch_i    ( fetch            ),
    .pc_i       ( ahead            ),
    .data_i     ( access           ),
    .write_i    ( c_store          ),
    .size_i     ( size             ),
    .signed_i   ( d_signed & ~word ),
    .addr_i     ( addr             ),
    .error_o    ( bus_error        ),
    .blocked_o  ( blocked          ),
    .fetch_o    ( in_fetch         ),
    .data_o     ( in_data          ),
    .internal_o ( in_internal      ),
    .write_o    ( in_store         ),
    .size_o     ( in_size          ),
    .signed_o   ( in_signed        ),
    .haddr_o    ( haddr_o          ),
    .htrans_o   ( htrans_o         ),
    .hsize_o    ( hsize_o          ),
    .hwrite_o   ( hwrite_o         ),
    .hprot_o    ( hprot_o          ),
    .hready_i   ( hready_i         ),
    .hresp_i    ( hresp_i          )
  );

  ////////////////////////////
  // Private peripheral bus //
  ////////////////////////////

  armv6m_scs #(
    .NumIrq  ( NumIrq  ),
    .IrqUsed ( IrqUsed ),
    .Vtor    ( Vtor    ),
    .CpuId   ( CpuId   )
  ) i_scs (
    .clk_i         ( clk_i                 ),
    .rst_ni        ( rst_ni                ),
    .ready_i       ( hready_i              ),
    .addr_i        ( data_addr             ),
    .size_i        ( in_size               ),
    .access_i      ( in_data & in_internal ),
    .write_i       ( in_store              ),
    .wdata_i       ( hwdata_o              ),
    .rdata_o       ( scs_rdata             ),
    .error_o       ( scs_error             ),
    .irq_i         ( irq_i                 ),
    .nmi_i         ( nmi_i                 ),
    .st_tick_i     ( st_tick_i             ),
    .st_calib_i    ( st_calib_i            ),
    .sysresetreq_o ( sysresetreq_o         ),
    .active_num_i  ( ipsr                  ),
    .hf_pend_i     ( hard                  ),
    .svc_i         ( c_svc                 ),
    .enter_i       ( enter                 ),
    .enter_num_i   ( vector                ),
    .hold_i        ( hold                  ),
    .leave_i       ( leave                 ),
    .new_o         ( new_pending           ),
    .nmi_o         ( nmi                   ),
    .valid_o       ( irq_valid             ),
    .prio_o        ( irq_prio              ),
    .num_o         ( irq_num               ),
    .svc_prio_o    ( svc_prio              ),
    .sevonpend_o   ( sevonpend             ),
    .sleepdeep_o   ( sleepdeep_o           ),
    .sleeponexit_o ( sleeponexit           ),
    .vtor_o        ( vtor                  )
  );

`ifdef FORMAL
  logic [31:0] wdata_q;
  logic        storing_q;   // A store's data phase did not end

  always_ff @(posedge clk_i) begin
    wdata_q   <= hwdata_o;
    storing_q <= rst_ni && in_data && in_store && !hready_i;
  end
  always_comb begin
    assert (!storing_q || hwdata_o == wdata_q);
    // The instruction of several cycles stays.
    assert ((instr_valid && !instr_fault) || !(state == armv6m_pkg::StMemory || state == armv6m_pkg::StMultiple ||
                                              state == armv6m_pkg::StMultiply));
  end
`endif
`ifdef FORMAL_READY
  // Without wait states the next instruction is never far.
  logic [2:0] starved_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      starved_q <= 3'd0;
    end else begin
      starved_q <= (free && !instr_valid && state == armv6m_pkg::StExecute) ? starved_q + 3'd1 : 3'd0;
    end
  end
  always_comb begin
    assume (hready_i && !hresp_i);
    assert (starved_q < 3'd4);
  end
`endif

endmodule
