(() => {
  "use strict";
  const data = JSON.parse(document.getElementById("data").textContent);
  const program = lockstepProgram(data);
  window.lockstep = program;
  const {arrayOf, decoded, element, inputBytes, sizeOf, bytesOf, fromBase64, digest} = program.codec;
  const SHOWN = 4096;  // elements; more are saved to a file, or read from one

  // -- elements as text -------------------------------------------------------------------------
  function hexOf(bits, dtype) {
    return "0x" + bits.toString(16).padStart(2 * data.dtypes[dtype].itemsize, "0");
  }

  // The fewest digits that give the same element again.
  function shortest(value, same) {
    if (Number.isNaN(value)) return "nan";
    if (Math.abs(value) === Infinity) return value < 0 ? "-inf" : "inf";
    if (Object.is(value, -0)) return "-0";
    for (let digits = 1; digits < 10; digits++) {
      const text = String(Number(value.toPrecision(digits)));
      if (same(Number(text))) return text;
    }
    return String(value);
  }

  function decimal(held, dtype) {
    const row = data.dtypes[dtype];
    if (row.kind === "bool") return held ? "true" : "false";
    if (row.kind !== "float") return String(held);
    if (dtype === "float64") return shortest(held, value => value === held);
    if (dtype === "float32") return shortest(held, value => Math.fround(value) === held);
    return shortest(decoded(held, row), value => element(value, dtype) === held);
  }

  const words = {1: Uint8Array, 2: Uint16Array, 4: Uint32Array, 8: BigUint64Array};

  // Rows of the last axis as lines, a blank line between matrices.
  function asText(bytes, port, asBits) {
    const {dtype, shape} = port;
    const kind = asBits ? words[data.dtypes[dtype].itemsize] : arrayOf(dtype);
    const held = new kind(bytes.slice().buffer).subarray(0, SHOWN);
    const texts = Array.from(held, x => asBits ? hexOf(x, dtype) : decimal(x, dtype));
    const width = Math.max(0, ...texts.map(text => text.length));
    const across = shape.at(-1) ?? 1;
    const matrix = across * (shape.at(-2) ?? 1);
    const lines = [];
    for (let first = 0; first < texts.length; first += across) {
      if (first && shape.length > 2 && first % matrix === 0) lines.push("");
      lines.push(texts.slice(first, first + across).map(text => text.padStart(width)).join("  "));
    }
    return lines.join("\n");
  }

  // The bits of a word as an element.
  function fromBits(text, dtype) {
    const size = data.dtypes[dtype].itemsize;
    const bits = BigInt(text);
    if (bits >= 2n ** BigInt(8 * size)) throw new Error(`${text} has more bits than ${dtype}`);
    const word = new words[size]([size === 8 ? bits : Number(bits)]);
    return new (arrayOf(dtype))(word.buffer)[0];
  }

  const SPECIAL = {
    nan: NaN, inf: Infinity, "+inf": Infinity, "-inf": -Infinity, true: 1, false: 0,
  };

  function parsed(text, port) {
    const {dtype} = port;
    const isFloat = data.dtypes[dtype].kind === "float";
    const tokens = text.split(/[\s,;[\]()]+/).filter(Boolean);
    if (tokens.length !== sizeOf(port)) {
      throw new Error(`${tokens.length} numbers where ${sizeOf(port)} are due`);
    }
    const held = new (arrayOf(dtype))(tokens.length);
    // A NaN keeps the bits that it was given only if it is never a number: words are written.
    const view = new words[data.dtypes[dtype].itemsize](held.buffer);
    tokens.forEach((token, place) => {
      const name = token.toLowerCase();
      if (/^0x[0-9a-f]+$/.test(name)) {
        const bits = BigInt(name);
        fromBits(name, dtype);
        view[place] = data.dtypes[dtype].itemsize === 8 ? bits : Number(bits);
        return;
      }
      const value = name in SPECIAL ? SPECIAL[name]
        : isFloat || !/^[+-]?\d+$/.test(token) ? Number(token) : BigInt(token);
      if (typeof value === "number" && Number.isNaN(value) && name !== "nan") {
        throw new Error(`${token} is no number`);
      }
      held[place] = element(value, dtype);
    });
    return new Uint8Array(held.buffer);
  }

  // -- files of numpy ---------------------------------------------------------------------------
  const NPY = {
    bool: "|b1", int8: "|i1", int16: "<i2", int32: "<i4", int64: "<i8", uint8: "|u1",
    uint16: "<u2", uint32: "<u4", uint64: "<u8", float16: "<f2", float32: "<f4", float64: "<f8",
  };
  // Formats that numpy has no name for are saved as their bits.
  const descr = dtype => NPY[dtype] ?? {1: "|u1", 2: "<u2"}[data.dtypes[dtype].itemsize];

  function npy(bytes, port) {
    const shape = port.shape.map(size => `${size},`).join(" ");
    const text = `{'descr': '${descr(port.dtype)}', 'fortran_order': False, 'shape': (${shape}), }`;
    const header = text.padEnd(Math.ceil((text.length + 11) / 64) * 64 - 11) + "\n";
    const start = [0x93, ...Array.from("NUMPY", letter => letter.charCodeAt(0)), 1, 0,
      header.length % 256, Math.floor(header.length / 256)];
    return new Blob([Uint8Array.from(start), header, bytes]);
  }

  // The bytes of an input from a file: .npy of its shape and dtype, or nothing but the elements.
  function fromFile(buffer, port) {
    const bytes = new Uint8Array(buffer);
    const isNpy = bytes[0] === 0x93 && String.fromCharCode(...bytes.slice(1, 6)) === "NUMPY";
    if (!isNpy) {
      if (bytes.length !== bytesOf(port)) {
        throw new Error(`the file has ${bytes.length} bytes where ${bytesOf(port)} are due`);
      }
      return bytes;
    }
    const view = new DataView(buffer);
    const wide = bytes[6] > 1;
    const length = wide ? view.getUint32(8, true) : view.getUint16(8, true);
    const first = (wide ? 12 : 10) + length;
    const header = new TextDecoder("latin1").decode(bytes.slice(first - length, first));
    const shape = /'shape': \(([^)]*)\)/.exec(header)?.[1].split(",").map(s => s.trim())
      .filter(Boolean).map(Number);
    const found = /'descr': '([^']*)'/.exec(header)?.[1];
    if (found !== descr(port.dtype) || String(shape) !== String(port.shape) ||
        /'fortran_order': True/.test(header)) {
      throw new Error(
        `the file has ${found} (${shape}); ${descr(port.dtype)} (${port.shape}), row-major, is due`);
    }
    return bytes.slice(first);
  }

  // -- inputs -----------------------------------------------------------------------------------
  const asBits = document.getElementById("bits");
  const status = document.getElementById("status");
  const problem = document.getElementById("problem");
  const verdict = document.getElementById("verdict");

  function say(error) {
    problem.textContent = error ? String(error.message ?? error) : "";
    problem.hidden = !error;
  }

  function random(port) {
    const row = data.dtypes[port.dtype];
    const values = Array.from({length: sizeOf(port)}, () => {
      if (row.kind === "bool") return Math.random() < 0.5;
      if (row.kind === "float") return Math.random() * 4 - 2;
      return Math.floor(Math.random() * (row.kind === "int" ? 201 : 101)) - (row.kind === "int" ? 100 : 0);
    });
    return inputBytes(port, values);
  }

  const inputs = data.inputs.map((port, number) => {
    const field = document.querySelector(`[data-input="${number}"]`);
    const area = field.querySelector("textarea");
    const small = sizeOf(port) <= SHOWN;
    const state = {port, area, bytes: fromBase64(port.sample), edited: false};
    area.readOnly = !small;
    area.rows = Math.min(12, Math.max(2, Math.ceil(sizeOf(port) / (port.shape.at(-1) || 1)) + 1));
    field.querySelector(".more").hidden = small;
    state.show = () => { area.value = asText(state.bytes, port, asBits.checked); state.edited = false; };
    state.set = bytes => { state.bytes = bytes; state.show(); say(null); };
    state.read = () => {
      if (state.edited) {
        try {
          state.bytes = parsed(area.value, port);
        } catch (error) {
          throw new Error(`${port.name}: ${error.message}`);
        }
      }
      return state.bytes;
    };
    area.addEventListener("input", () => { state.edited = true; });
    const on = (name, make) => field.querySelector(name).addEventListener("click", () => state.set(make()));
    on(".sample", () => fromBase64(port.sample));
    on(".random", () => random(port));
    on(".zeros", () => new Uint8Array(bytesOf(port)));
    field.querySelector("input[type=file]").addEventListener("change", async event => {
      const [file] = event.target.files;
      try {
        if (file) state.set(fromFile(await file.arrayBuffer(), port));
      } catch (error) {
        say(`${port.name}: ${error.message}`);
      }
    });
    state.show();
    return state;
  });

  // -- outputs ----------------------------------------------------------------------------------
  let results = null;

  function showOutputs() {
    data.outputs.forEach((port, number) => {
      const place = document.querySelector(`[data-output="${number}"]`);
      const found = results?.[port.name];
      place.querySelector("pre").textContent = found ? asText(found.bytes, port, asBits.checked) : "";
      place.querySelector(".save").disabled = !found;
    });
  }

  data.outputs.forEach((port, number) => {
    const place = document.querySelector(`[data-output="${number}"]`);
    place.querySelector(".more").hidden = sizeOf(port) <= SHOWN;
    place.querySelector(".save").addEventListener("click", () => {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(npy(results[port.name].bytes, port));
      link.download = `${port.name}.npy`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    });
  });

  // Whether the results are those that Python had for the inputs that the page begins with.
  async function compare(given) {
    verdict.textContent = "";
    verdict.className = "";
    for (const [number, port] of data.inputs.entries()) {
      if (await digest(given[number]) !== await digest(fromBase64(port.sample))) return;
    }
    const wrong = [];
    for (const port of data.outputs) {
      if (await digest(results[port.name].bytes) !== port.digest) wrong.push(port.name);
    }
    verdict.className = wrong.length ? "fail" : "pass";
    verdict.textContent = wrong.length ? `Other bits than in Python: ${wrong.join(", ")}.`
      : "The same bits as in Python, for the sample.";
  }

  function describe(found, milliseconds) {
    const kinds = {
      native: "float32 is the adapter's own: every probe of it has the bits of IEEE 754",
      integers: `float32 is made of integers, since the adapter's own differs in ${found.failed.join(", ")}`,
      "integers alone": "floats are made of integers",
    };
    status.textContent = `${found.adapter}; ${kinds[found.floats]}. ${milliseconds.toFixed(1)} ms.`;
  }

  const button = document.getElementById("run");
  button.addEventListener("click", async () => {
    button.disabled = true;
    say(null);
    try {
      const given = inputs.map(state => state.read().slice());
      status.textContent = "computing …";
      const found = await program.start();
      const began = performance.now();
      results = await program.run(given.map(bytes => bytes.buffer));
      describe(found, performance.now() - began);
      await compare(given);
    } catch (error) {
      results = null;
      status.textContent = "";
      verdict.textContent = "";
      say(error);
    }
    showOutputs();
    button.disabled = false;
  });
  asBits.addEventListener("change", () => {
    try {
      for (const state of inputs) { state.read(); state.show(); }
    } catch (error) {
      say(error);
    }
    showOutputs();
  });
  showOutputs();
  if (!navigator.gpu) program.start().catch(say);
})();
