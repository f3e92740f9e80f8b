// A function that Lockstep has exported, computed with WebGPU. `lockstepProgram(data)` gives
//   inputs, outputs   [{name, dtype, shape}]
//   start()           the adapter, its device and what float32 is made of; done once
//   run(inputs)       a promise of {name: {dtype, shape, bytes, values}}
// `inputs` is an array in order, or an object by name. An input is an ArrayBuffer or DataView of its
// little-endian bytes, an array of the kind that its dtype has, or (nested) numbers, which are
// rounded to the dtype; integers of 64 bits may be BigInt.
function lockstepProgram(data) {
  "use strict";

  // -- bytes ------------------------------------------------------------------------------------
  const fromBase64 = text => Uint8Array.from(atob(text), letter => letter.charCodeAt(0));

  async function digest(bytes) {
    const found = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    return Array.from(found, byte => byte.toString(16).padStart(2, "0")).join("");
  }

  // -- numbers and bits -------------------------------------------------------------------------
  // What holds the elements of a dtype. Floats that have no array of their own are held as bits.
  const ARRAYS = {
    bool: Uint8Array, int8: Int8Array, int16: Int16Array, int32: Int32Array, int64: BigInt64Array,
    uint8: Uint8Array, uint16: Uint16Array, uint32: Uint32Array, uint64: BigUint64Array,
    float32: Float32Array, float64: Float64Array,
  };
  const WORDS = {1: Uint8Array, 2: Uint16Array, 4: Uint32Array, 8: BigUint64Array};
  const arrayOf = dtype => ARRAYS[dtype] ?? WORDS[data.dtypes[dtype].itemsize];

  // The number that the bits of a narrow float stand for.
  function decoded(bits, row) {
    const signBit = 2 ** (row.bits - 1);
    const magnitude = bits % signBit;
    const sign = bits >= signBit ? -1 : 1;
    const field = Math.floor(magnitude / 2 ** row.mantissa);
    const fraction = magnitude % 2 ** row.mantissa;
    const last = 2 ** (row.bits - 1 - row.mantissa) - 1;
    if (row.specials === "fnuz" && bits === signBit) return NaN;
    if (row.specials === "fn" && magnitude === signBit - 1) return NaN;
    if (row.specials === "ieee" && field === last) return fraction ? NaN : sign * Infinity;
    const hidden = field ? 2 ** row.mantissa : 0;
    return sign * (hidden + fraction) * 2 ** (Math.max(field, 1) - row.bias - row.mantissa);
  }

  // The bits of the narrow float nearest to a number, ties to even. What is beyond the range is an
  // infinity, or the largest number where there is none.
  function encoded(value, row) {
    const signBit = 2 ** (row.bits - 1);
    const infinity = (2 ** (row.bits - 1 - row.mantissa) - 1) * 2 ** row.mantissa;
    const overflow = {ieee: infinity, fn: signBit - 2, fnuz: signBit - 1}[row.specials];
    if (Number.isNaN(value)) {
      const quiet = infinity + 2 ** (row.mantissa - 1);
      return {ieee: quiet, fn: signBit - 1, fnuz: signBit}[row.specials];
    }
    const size = Math.abs(value);
    let bits = 0;
    if (size === Infinity) {
      bits = overflow;
    } else if (size > 0) {
      let exponent = Math.max(Math.floor(Math.log2(size)), 1 - row.bias);
      while (2 ** (exponent + 1) <= size) exponent++;
      while (exponent > 1 - row.bias && 2 ** exponent > size) exponent--;
      const scaled = size / 2 ** (exponent - row.mantissa);
      let whole = Math.floor(scaled);
      const rest = scaled - whole;
      if (rest > 0.5 || (rest === 0.5 && whole % 2 === 1)) whole++;
      bits = Math.min(whole + (exponent + row.bias - 1) * 2 ** row.mantissa, overflow);
    }
    const negative = value < 0 || Object.is(value, -0);
    return negative && (bits > 0 || row.specials !== "fnuz") ? bits + signBit : bits;
  }

  // One element of an array of a dtype, from a number, BigInt or bool.
  function element(value, dtype) {
    const row = data.dtypes[dtype];
    if (row.kind === "bool") return value ? 1 : 0;
    if (row.kind === "float") return ARRAYS[dtype] ? Number(value) : encoded(Number(value), row);
    if (typeof value === "number" && !Number.isInteger(value)) {
      throw new Error(`${value} is no integer, as ${dtype} needs`);
    }
    const whole = BigInt(value);
    const low = row.kind === "int" ? -(2n ** BigInt(row.bits - 1)) : 0n;
    if (whole < low || whole >= low + 2n ** BigInt(row.bits)) {
      throw new Error(`${value} does not fit ${dtype}`);
    }
    return row.bits === 64 ? whole : Number(whole);
  }

  // Elements as numbers, BigInts for 64 bits.
  function valuesOf(bytes, dtype) {
    const held = new (arrayOf(dtype))(bytes.slice().buffer);
    if (ARRAYS[dtype]) return held;
    return Float32Array.from(held, bits => decoded(bits, data.dtypes[dtype]));
  }

  const sizeOf = port => port.shape.reduce((product, size) => product * size, 1);
  const bytesOf = port => sizeOf(port) * data.dtypes[port.dtype].itemsize;
  const title = port => `input ${port.name} (${port.dtype} [${port.shape.join(", ")}])`;

  // The bytes of an input from whatever it was given as.
  function inputBytes(port, given) {
    const held = arrayOf(port.dtype);
    let bytes;
    if (given === undefined) {
      throw new Error(`${title(port)} is missing`);
    } else if (given instanceof ArrayBuffer) {
      bytes = new Uint8Array(given);
    } else if (given instanceof DataView || given instanceof held) {
      bytes = new Uint8Array(given.buffer, given.byteOffset, given.byteLength);
    } else {
      const flat = Array.isArray(given) ? given.flat(Infinity)
        : ArrayBuffer.isView(given) ? Array.from(given) : [given];
      if (flat.length !== sizeOf(port)) {
        throw new Error(`${title(port)} has ${sizeOf(port)} elements, not ${flat.length}`);
      }
      bytes = new Uint8Array(held.from(flat, value => element(value, port.dtype)).buffer);
    }
    if (bytes.length !== bytesOf(port)) {
      throw new Error(`${title(port)} has ${bytesOf(port)} bytes, not ${bytes.length}`);
    }
    return bytes;
  }

  // -- kernels ----------------------------------------------------------------------------------
  // Buffers and pipelines of a plan on a device. Nothing that it computes writes over its inputs
  // and constants, so it can run again.
  class Loaded {
    static async load(device, plan, values) {
      const loaded = new Loaded();
      loaded.device = device;
      loaded.plan = plan;
      device.pushErrorScope("out-of-memory");
      const {STORAGE, COPY_SRC, COPY_DST, UNIFORM} = GPUBufferUsage;
      loaded.buffers = plan.buffers.map(
        size => device.createBuffer({size, usage: STORAGE | COPY_SRC | COPY_DST}));
      loaded.values = loaded.filled(values, UNIFORM);
      loaded.tables = plan.kernels.map(
        ({tables}) => tables ? loaded.filled(fromBase64(tables), STORAGE) : null);
      const full = await device.popErrorScope();
      if (full) throw new Error(`the adapter has not enough memory: ${full.message}`);
      const pipelines = await Promise.all(plan.kernels.map(kernel => loaded.pipeline(kernel)));
      loaded.steps = plan.steps.map(step => step.copy ? step : loaded.launch(step, pipelines));
      return loaded;
    }

    filled(bytes, usage) {
      const size = Math.ceil(bytes.length / 16) * 16;
      const buffer = this.device.createBuffer({size, usage: usage | GPUBufferUsage.COPY_DST});
      this.device.queue.writeBuffer(buffer, 0, bytes);
      return buffer;
    }

    async pipeline(kernel) {
      const kinds = kernel.bindings.map(([, , , written]) => (
        written ? "storage" : "read-only-storage"));
      kinds.push("uniform", ...(kernel.tables ? ["read-only-storage"] : []));
      const layout = this.device.createBindGroupLayout({
        entries: kinds.map((type, binding) => (
          {binding, visibility: GPUShaderStage.COMPUTE, buffer: {type}})),
      });
      const module = this.device.createShaderModule({code: kernel.text});
      try {
        return {layout, pipeline: await this.device.createComputePipelineAsync({
          layout: this.device.createPipelineLayout({bindGroupLayouts: [layout]}),
          compute: {module, entryPoint: kernel.name},
        })};
      } catch (error) {
        throw new Error(`this browser refuses kernel ${kernel.name}: ${error.message}`);
      }
    }

    launch(step, pipelines) {
      const kernel = this.plan.kernels[step.kernel];
      const {layout, pipeline} = pipelines[step.kernel];
      const bound = kernel.bindings.map(([slot, offset, size], binding) => (
        {binding, resource: {buffer: this.buffers[step.buffers[slot]], offset, size}}));
      for (const buffer of [this.values, this.tables[step.kernel]].filter(Boolean)) {
        bound.push({binding: bound.length, resource: {buffer}});
      }
      const group = this.device.createBindGroup({layout, entries: bound});
      return {pipeline, group, grid: kernel.grid};
    }

    write(number, bytes) {
      const words = new Uint8Array(Math.ceil(bytes.length / 4) * 4);
      words.set(bytes);
      this.device.queue.writeBuffer(this.buffers[number], 0, words);
    }

    // Launch every step in order; what it writes is there for whoever reads later.
    submit() {
      const encoder = this.device.createCommandEncoder();
      let pass = null;
      const end = () => { pass?.end(); pass = null; };
      for (const step of this.steps) {
        if (step.copy) {
          const [source, target, size] = step.copy;
          end();
          encoder.copyBufferToBuffer(this.buffers[source], 0, this.buffers[target], 0, size);
        } else {
          pass ??= encoder.beginComputePass();
          pass.setPipeline(step.pipeline);
          pass.setBindGroup(0, step.group);
          pass.dispatchWorkgroups(...step.grid);
        }
      }
      end();
      this.device.queue.submit([encoder.finish()]);
    }

    async read(number, size) {
      if (size === 0) return new Uint8Array();
      const whole = this.plan.buffers[number];
      const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
      const staging = this.device.createBuffer({size: whole, usage});
      const encoder = this.device.createCommandEncoder();
      encoder.copyBufferToBuffer(this.buffers[number], 0, staging, 0, whole);
      this.device.queue.submit([encoder.finish()]);
      await staging.mapAsync(GPUMapMode.READ);
      const bytes = new Uint8Array(staging.getMappedRange().slice(0, size));
      staging.destroy();
      return bytes;
    }

    free() {
      const own = [...this.buffers, this.values, ...this.tables];
      for (const buffer of own.filter(Boolean)) buffer.destroy();
    }
  }

  // -- what the adapter is worth ------------------------------------------------------------------
  // Run one kernel on memory of its own; its first parameter is the result. Of the values of a
  // launch it reads the first ones, which are zeros for every kernel.
  async function alone(device, kernel, operands) {
    const plan = {
      buffers: kernel.sizes, kernels: [kernel],
      steps: [{kernel: 0, buffers: kernel.sizes.map((_, number) => number)}],
    };
    const loaded = await Loaded.load(device, plan, fromBase64(data.values));
    operands.forEach((bytes, number) => loaded.write(number + 1, bytes));
    loaded.submit();
    const result = await loaded.read(0, kernel.sizes[0]);
    loaded.free();
    return result;
  }

  // The names of the probes that have not the bits of IEEE 754; any NaN is as good as another.
  async function failedProbes(device) {
    const operands = data.probes.data.map(fromBase64);
    const failed = [];
    for (const probe of data.probes.rows) {
      const given = probe.operands.map(number => operands[number]);
      const words = new Uint32Array((await alone(device, probe.kernel, given)).buffer);
      if (probe.float) {
        words.forEach((word, place) => {
          if ((word & 0x7fffffff) > 0x7f800000) words[place] = 0x7fc00000;
        });
      }
      if (await digest(words) !== probe.digest) failed.push(probe.name);
    }
    return failed;
  }

  async function checkLoops(device, plan) {
    if (!data.loop || plan.rounds <= 4096) return;
    const words = new Uint32Array((await alone(device, data.loop.kernel, [])).buffer);
    if (words[0] < data.loop.rounds && words[0] < plan.rounds) {
      throw new Error(
        `this adapter ends loops after ${words[0]} rounds, and a kernel has ${plan.rounds}: ` +
        "a newer driver is needed");
    }
  }

  // -- the device -------------------------------------------------------------------------------
  const plans = [data.native, data.integers].filter(Boolean);

  async function requested() {
    const gpu = globalThis.navigator?.gpu;
    if (!gpu) {
      throw new Error(
        "This browser offers no WebGPU to this page. Current versions of Chrome, Edge, Safari and " +
        "Firefox have it; the page must be a local file or come over https, and on some systems " +
        "WebGPU has to be switched on in the browser's settings.");
    }
    const adapter = await gpu.requestAdapter({powerPreference: "high-performance"});
    if (!adapter) {
      throw new Error(
        "This browser has WebGPU, but found no graphics adapter for it. A driver for Vulkan, Metal " +
        "or Direct3D 12 is needed, or hardware acceleration is switched off in the settings.");
    }
    const requiredLimits = {};
    for (const name of Object.keys(plans[0].limits)) {
      const need = Math.max(...plans.map(plan => plan.limits[name]));
      if (need > adapter.limits[name]) {
        throw new Error(
          `This adapter has a ${name} of ${adapter.limits[name]}, and the function needs ${need}.`);
      }
      requiredLimits[name] = need;
    }
    return {adapter, device: await adapter.requestDevice({requiredLimits})};
  }

  async function begin() {
    const {adapter, device} = await requested();
    device.lost.then(() => { started = null; });
    const failed = data.probes ? await failedProbes(device) : [];
    if (data.probes && failed.length && !data.integers) {
      throw new Error(
        `This adapter's float32 is not that of IEEE 754 (${failed.join(", ")}); export the ` +
        "function with --floats auto or integers.");
    }
    const native = data.native && !failed.length;
    const plan = native ? data.native : data.integers;
    await checkLoops(device, plan);
    const loaded = await Loaded.load(device, plan, fromBase64(data.values));
    data.holes.forEach((hole, number) => {
      if (typeof hole === "string") loaded.write(number, fromBase64(hole));
    });
    const {vendor, architecture, device: model, description} = adapter.info ?? {};
    const names = [vendor, architecture, model, description].filter(Boolean);
    return {
      loaded, failed, adapter: names.join(", ") || "an adapter without a name",
      floats: !data.native ? "integers alone" : native ? "native" : "integers",
    };
  }

  let started = null;

  // The device with the program on it; asked for again after it was lost or could not be had.
  function start() {
    started ??= begin().catch(error => { started = null; throw error; });
    return started;
  }

  // -- running ----------------------------------------------------------------------------------
  async function compute(inputs) {
    const given = data.inputs.map(
      (port, number) => inputBytes(port, Array.isArray(inputs) ? inputs[number] : inputs[port.name]));
    const {loaded} = await start();
    const {device} = loaded;
    device.pushErrorScope("validation");
    data.holes.forEach((hole, number) => {
      if (typeof hole === "number") loaded.write(number, given[hole]);
    });
    loaded.submit();
    const wrong = await device.popErrorScope();
    if (wrong) throw new Error(wrong.message);
    const results = {};
    for (const [number, port] of data.outputs.entries()) {
      const bytes = await loaded.read(loaded.plan.results[number], bytesOf(port));
      const {name, dtype, shape} = port;
      results[name] = {dtype, shape, bytes, values: valuesOf(bytes, dtype)};
    }
    return results;
  }

  let last = Promise.resolve();

  // Runs take turns: they share the buffers.
  function run(inputs) {
    const mine = last.then(() => compute(inputs));
    last = mine.catch(() => {});
    return mine;
  }

  const shown = ({name, dtype, shape}) => ({name, dtype, shape});
  return {
    name: data.name, inputs: data.inputs.map(shown), outputs: data.outputs.map(shown), start, run,
    codec: {arrayOf, decoded, encoded, element, inputBytes, sizeOf, bytesOf, fromBase64, digest},
  };
}
