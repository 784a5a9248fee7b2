// SPDX-License-Identifier: Apache-2.0
//
// Instruction decoder: from one or two halfwords to the settings of the datapath and the kind of work.
//
// Bits that the architecture calls "should be" are ignored. An empty register list is undefined here.

module armv6m_decode #(
  parameter bit FastMul = 1'b0     // MULS takes one cycle
) (
  input  logic [15:0] first_i,     // First halfword
  input  logic [15:0] second_i,    // Second halfword of a 32-bit instruction

  // Datapath
  output logic [3:0]  rd_o,        // Destination, not of a load
  output logic [2:0]  rt_o,        // Register to load or store
  output logic        a_use_o,     // First operand: register A, otherwise 0
  output logic        a_word_o,    // Without bit 1 of PC
  output logic        b_use_o,     // Second operand: register B, otherwise imm_o
  output logic [31:0] imm_o,       // Immediate, offset; 0 with register B
  output logic        invert_o,    // Invert the second operand
  output logic        carry_one_o, // Carry in is 1
  output logic        carry_flag_o,// Carry in is the C flag
  output logic [2:0]  extend_o,    // Extension or reversal
  output logic        left_o,      // LSL
  output logic        rotate_o,    // ROR
  output logic        arith_o,     // ASR
  output logic [5:0]  amount_o,    // Shift amount without register B, otherwise 0
  output logic [6:0]  result_o,    // What to write
  output logic        write_o,     // Write rd_o (BL, BLX: the link)
  output logic        set_nz_o,    // Set N and Z
  output logic        set_c_o,     // Set C
  output logic        set_v_o,     // Set V

  // Memory
  output logic        load_o,      // Single load
  output logic        store_o,     // Single store
  output logic [1:0]  size_o,      // 0 byte, 1 halfword, 2 word
  output logic        signed_o,    // Sign extension
  output logic        multiple_o,  // LDM, STM, PUSH, POP
  output logic        mult_load_o, // LDM, POP
  output logic        push_o,      // PUSH: the first address is the sum
  output logic [8:0]  list_o,      // R0 to R7, and LR or PC
  output logic        write_back_o,// Write back the base

  // Kind
  output logic        branch_o,    // Go to the sum
  output logic        condition_o, // If cond_o holds
  output logic [3:0]  cond_o,      // Condition
  output logic        exchange_o,  // BX, BLX: bit 0 of the target is the T flag
  output logic        return_o,    // BX: the target may be an EXC_RETURN
  output logic        multiply_o,  // MULS
  output logic        svc_o,       // SVC
  output logic        cps_o,       // CPS; bit 4 of the instruction is PRIMASK
  output logic        mrs_o,       // MRS
  output logic        msr_o,       // MSR from register B
  output logic [7:0]  sysm_o,      // Special register of MRS and MSR
  output logic        wfi_o,       // WFI
  output logic        wfe_o,       // WFE
  output logic        sev_o,       // SEV
  output logic        undefined_o  // UNDEFINED, UDF, BKPT
);

  logic [3:0]  high_d;
  logic [2:0]  low_d, low_m, low_t;
  logic [4:0]  imm5;
  logic [3:0]  count;     // Registers in the list
  logic [31:0] far;       // Offset of BL
  logic        j1, j2;

  assign low_d  = first_i[2:0];
  assign low_m  = first_i[8:6];
  assign low_t  = first_i[10:8];
  assign high_d = {first_i[7], first_i[2:0]};
  assign imm5   = first_i[10:6];
  assign sysm_o = second_i[7:0];
  assign cond_o = first_i[11:8];

  assign j1  = ~(second_i[13] ^ first_i[10]);
  assign j2  = ~(second_i[11] ^ first_i[10]);
  assign far = {{8{first_i[10]}}, j1, j2, first_i[9:0], second_i[10:0], 1'b0};

  // The extra register of PUSH and POP counts, that bit of LDM and STM belongs to the opcode.
  assign list_o = {first_i[8] & (first_i[15:12] == 4'b1011), first_i[7:0]};
  always_comb begin
    count = 4'd0;
    for (int i = 0; i < 9; i++) begin
      count = count + 4'(list_o[i]);
    end
  end

  always_comb begin
    rd_o = {1'b0, low_d};
    rt_o = low_d;
    a_use_o = 1'b1;
    a_word_o = 1'b0;
    b_use_o = 1'b0;
    imm_o = 32'd0;
    invert_o = 1'b0;
    carry_one_o = 1'b0;
    carry_flag_o = 1'b0;
    extend_o = {first_i[11], first_i[7:6]};
    left_o = 1'b0;
    rotate_o = 1'b0;
    arith_o = 1'b0;
    amount_o = 6'd0;
    result_o = armv6m_pkg::RSum;
    write_o = 1'b0;
    set_nz_o = 1'b0;
    set_c_o = 1'b0;
    set_v_o = 1'b0;
    load_o = 1'b0;
    store_o = 1'b0;
    size_o = 2'd2;
    signed_o = 1'b0;
    multiple_o = 1'b0;
    mult_load_o = first_i[11];
    push_o = 1'b0;
    write_back_o = 1'b0;
    branch_o = 1'b0;
    condition_o = 1'b0;
    exchange_o = 1'b0;
    return_o = 1'b0;
    multiply_o = 1'b0;
    svc_o = 1'b0;
    cps_o = 1'b0;
    mrs_o = 1'b0;
    msr_o = 1'b0;
    wfi_o = 1'b0;
    wfe_o = 1'b0;
    sev_o = 1'b0;
    undefined_o = 1'b0;

    casez (first_i)
      //////////////////////////////
      // Shift, add, sub, compare //
      //////////////////////////////
      16'b00011_???????????: begin  // ADDS, SUBS: register, 3-bit immediate
        b_use_o = ~first_i[10];
        imm_o[2:0] = low_m & {3{first_i[10]}};
        invert_o = first_i[9];
        carry_one_o = first_i[9];
        {write_o, set_nz_o, set_c_o, set_v_o} = 4'b1111;
      end
      16'b0000_????????????, 16'b00010_???????????: begin  // LSLS, LSRS, ASRS by immediate
        left_o = first_i[12:11] == 2'b00;
        arith_o = first_i[12];
        amount_o = {(imm5 == 5'd0) & ~left_o, imm5};  // LSR #0, ASR #0 mean 32
        result_o = armv6m_pkg::RShift;
        {write_o, set_nz_o, set_c_o} = 3'b111;
      end
      16'b001_?????????????: begin  // MOVS, CMP, ADDS, SUBS: 8-bit immediate
        rd_o = {1'b0, low_t};
        a_use_o = first_i[12:11] != 2'b00;
        imm_o[7:0] = first_i[7:0];
        invert_o = first_i[11];
        carry_one_o = first_i[11];
        write_o = first_i[12:11] != 2'b01;
        set_nz_o = 1'b1;
        {set_c_o, set_v_o} = {2{first_i[12:11] != 2'b00}};
      end

      /////////////////////
      // Data processing //
      /////////////////////
      16'b010000_??????????: begin
        b_use_o = 1'b1;
        write_o = 1'b1;
        set_nz_o = 1'b1;
        case (first_i[9:6])
          4'h0: result_o = armv6m_pkg::RAnd;                                              // ANDS
          4'h1: result_o = armv6m_pkg::RXor;                                              // EORS
          4'h2: begin result_o = armv6m_pkg::RShift; left_o = 1'b1; set_c_o = 1'b1; end   // LSLS
          4'h3: begin result_o = armv6m_pkg::RShift; set_c_o = 1'b1; end                  // LSRS
          4'h4: begin result_o = armv6m_pkg::RShift; arith_o = 1'b1; set_c_o = 1'b1; end  // ASRS
          4'h5: begin carry_flag_o = 1'b1; {set_c_o, set_v_o} = 2'b11; end                // ADCS
          4'h6: begin {invert_o, carry_flag_o, set_c_o, set_v_o} = 4'b1111; end           // SBCS
          4'h7: begin result_o = armv6m_pkg::RShift; rotate_o = 1'b1; set_c_o = 1'b1; end // RORS
          4'h8: begin result_o = armv6m_pkg::RAnd; write_o = 1'b0; end                    // TST
          4'h9: begin                                                                     // RSBS
            a_use_o = 1'b0;
            {invert_o, carry_one_o, set_c_o, set_v_o} = 4'b1111;
          end
          4'hA: begin                                                                     // CMP
            write_o = 1'b0;
            {invert_o, carry_one_o, set_c_o, set_v_o} = 4'b1111;
          end
          4'hB: begin write_o = 1'b0; {set_c_o, set_v_o} = 2'b11; end                     // CMN
          4'hC: result_o = armv6m_pkg::ROr;                                               // ORRS
          4'hD: begin                                                                     // MULS
            multiply_o = 1'b1;
            result_o = FastMul ? armv6m_pkg::RProduct : armv6m_pkg::RSum;
          end
          4'hE: begin result_o = armv6m_pkg::RAnd; invert_o = 1'b1; end                   // BICS
          default: begin result_o = armv6m_pkg::RXor; {a_use_o, invert_o} = 2'b01; end    // MVNS
        endcase
      end

      ////////////////////////////////////
      // High registers, branch to them //
      ////////////////////////////////////
      16'b010001_00_????????, 16'b010001_10_????????: begin  // ADD, MOV
        rd_o = high_d;
        a_use_o = ~first_i[9];
        b_use_o = 1'b1;
        write_o = high_d != 4'd15;
        branch_o = high_d == 4'd15;
      end
      16'b010001_01_????????: begin  // CMP
        b_use_o = 1'b1;
        {invert_o, carry_one_o, set_nz_o, set_c_o, set_v_o} = 5'b11111;
      end
      16'b010001_11_????????: begin  // BX, BLX
        a_use_o = 1'b0;
        b_use_o = 1'b1;
        write_o = first_i[7];
        branch_o = 1'b1;
        exchange_o = 1'b1;
        return_o = ~first_i[7];
      end

      ////////////////////////
      // Single load, store //
      ////////////////////////
      16'b01001_???????????: begin  // LDR literal
        rt_o = low_t;
        a_word_o = 1'b1;
        imm_o[9:2] = first_i[7:0];
        load_o = 1'b1;
      end
      16'b0101_????????????: begin  // Register offset
        b_use_o = 1'b1;
        store_o = (first_i[11:9] <= 3'd2);
        load_o = ~store_o;
        signed_o = (first_i[11:9] == 3'd3) | (first_i[11:9] == 3'd7);
        case (first_i[11:9])
          3'd0, 3'd4: size_o = 2'd2;
          3'd1, 3'd5, 3'd7: size_o = 2'd1;
          default: size_o = 2'd0;
        endcase
      end
      16'b011_?????????????: begin  // Word, byte: immediate offset
        imm_o[6:0] = first_i[12] ? {2'b00, imm5} : {imm5, 2'b00};
        size_o = first_i[12] ? 2'd0 : 2'd2;
        load_o = first_i[11];
        store_o = ~first_i[11];
      end
      16'b1000_????????????: begin  // Halfword: immediate offset
        imm_o[5:1] = imm5;
        size_o = 2'd1;
        load_o = first_i[11];
        store_o = ~first_i[11];
      end
      16'b1001_????????????: begin  // Relative to SP
        rt_o = low_t;
        imm_o[9:2] = first_i[7:0];
        load_o = first_i[11];
        store_o = ~first_i[11];
      end

      ////////////////////////////////
      // Addresses, stack, and more //
      ////////////////////////////////
      16'b1010_????????????: begin  // ADR, ADD Rd, SP
        rd_o = {1'b0, low_t};
        a_word_o = 1'b1;
        imm_o[9:2] = first_i[7:0];
        write_o = 1'b1;
      end
      16'b1011_0000_????????: begin  // ADD SP, SUB SP
        rd_o = 4'd13;
        imm_o[8:2] = first_i[6:0];
        invert_o = first_i[7];
        carry_one_o = first_i[7];
        write_o = 1'b1;
      end
      16'b1011_0010_????????, 16'b1011_1010_????????: begin  // Extensions, reversals
        b_use_o = 1'b1;
        result_o = armv6m_pkg::RExtend;
        write_o = 1'b1;
        undefined_o = first_i[11] & (first_i[7:6] == 2'b10);
      end
      16'b1011_?10?_????????: begin  // PUSH, POP
        rd_o = 4'd13;
        imm_o[5:2] = count;
        invert_o = ~first_i[11];
        carry_one_o = ~first_i[11];
        multiple_o = 1'b1;
        push_o = ~first_i[11];
        write_back_o = 1'b1;
        undefined_o = list_o == 9'd0;
      end
      16'b1011_0110_011?????: cps_o = 1'b1;
      16'b1011_1111_????0000: begin  // Hints; the unallocated ones do nothing
        wfe_o = first_i[7:4] == 4'd2;
        wfi_o = first_i[7:4] == 4'd3;
        sev_o = first_i[7:4] == 4'd4;
      end
      16'b1100_????????????: begin  // STM, LDM
        rd_o = {1'b0, low_t};
        imm_o[5:2] = count;
        multiple_o = 1'b1;
        write_back_o = ~first_i[11] | ~list_o[{1'b0, low_t}];
        undefined_o = list_o == 9'd0;
      end

      ////////////////////
      // Branches, SVC  //
      ////////////////////
      16'b1101_????????????: begin  // Conditional branch, UDF, SVC
        imm_o = {{23{first_i[7]}}, first_i[7:0], 1'b0};
        branch_o = first_i[11:9] != 3'd7;
        condition_o = 1'b1;
        svc_o = first_i[11:8] == 4'd15;
        undefined_o = first_i[11:8] == 4'd14;
      end
      16'b11100_???????????: begin  // Branch
        imm_o = {{20{first_i[10]}}, first_i[10:0], 1'b0};
        branch_o = 1'b1;
      end
      16'b11110_???????????: begin  // 32-bit instructions
        if ((second_i[15:14] == 2'b11) & second_i[12]) begin         // BL
          imm_o = far;
          write_o = 1'b1;
          branch_o = 1'b1;
        end else if ((second_i[15:14] != 2'b10) | second_i[12]) begin
          undefined_o = 1'b1;
        end else if (first_i[10:5] == 6'b011100) begin               // MSR
          a_use_o = 1'b0;
          b_use_o = 1'b1;
          rd_o = 4'd13;                                              // MSP or PSP
          msr_o = 1'b1;
          write_o = second_i[7:1] == 7'd4;
        end else if (first_i[10:5] == 6'b011111) begin               // MRS
          a_use_o = 1'b0;
          b_use_o = second_i[7:1] == 7'd4;
          rd_o = second_i[11:8];
          mrs_o = 1'b1;
          result_o = armv6m_pkg::RSum | armv6m_pkg::RSpecial;
          write_o = second_i[11:8] != 4'd15;
        end else if ((first_i[10:4] == 7'b0111011) & ((second_i[7:5] == 3'b010) | (second_i[7:4] == 4'd6))) begin
          branch_o = second_i[7:4] == 4'd6;                          // DSB, DMB; ISB fetches anew
        end else begin
          undefined_o = 1'b1;
        end
      end
      default: undefined_o = 1'b1;
    endcase
  end

`ifdef FORMAL
  logic [11:0] kinds;

  // One kind of work at a time.
  assign kinds = {load_o, store_o, multiple_o, branch_o, multiply_o, svc_o, cps_o, msr_o, mrs_o, wfi_o, wfe_o, sev_o};
  always_comb begin
    assert ((kinds & (kinds - 12'd1)) == 12'd0);
    assert (!exchange_o || branch_o);
  end
`endif

endmodule
