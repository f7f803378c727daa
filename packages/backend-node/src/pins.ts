/**
 * What is fetched, with its checksums. A new TensorFlow is a change of this file alone.
 *
 * The wheels' Python tags are fixed, so which Python the user runs does not matter: only the
 * shared libraries and headers inside are used, and they need no Python.
 */
export const TENSORFLOW_VERSION = '2.21.0';

export interface WheelPin {
  /** Name on the Python package index. */
  readonly project: string;
  readonly platform: string;
  readonly file: string;
  readonly sha256: string;
  readonly bytes: number;
}

/** By `${process.platform}-${process.arch}`. All need glibc 2.27 or later. */
export const WHEELS: { readonly [platform: string]: WheelPin } = {
  'linux-x64': {
    project: 'tensorflow-cpu',
    platform: 'manylinux_2_27_x86_64',
    file: 'tensorflow_cpu-2.21.0-cp311-cp311-manylinux_2_27_x86_64.whl',
    sha256: '2b847d217b02ee7731ed91431daf3250daa0196c3c94614d23be27232e6e5b6c',
    bytes: 273_829_956,
  },
  // There is no `tensorflow-cpu` for arm64; plain `tensorflow` is CPU-only there.
  'linux-arm64': {
    project: 'tensorflow',
    platform: 'manylinux_2_27_aarch64',
    file: 'tensorflow-2.21.0-cp311-cp311-manylinux_2_27_aarch64.whl',
    sha256: '4b24aca16d527a3cf1c37f720c04c484c3d20f4d0fdfa98632ac8b9f3be6eb5c',
    bytes: 281_828_020,
  },
};

export interface PackagePin {
  readonly name: string;
  readonly version: string;
  /** sha512, as npm writes it. */
  readonly integrity: string;
}

/** tfjs-node holds the kernels and the binding's source; its own install script never runs. */
export const TFJS_NODE: PackagePin = {
  name: '@tensorflow/tfjs-node',
  version: '4.22.0',
  integrity:
    'sha512-uHrXeUlfgkMxTZqHkESSV7zSdKdV0LlsBeblqkuKU9nnfxB1pC6DtoyYVaLxznzZy7WQSegjcohxxCjAf6Dc7w==',
};

/** The one package that tfjs-node's kernels need at run time beside tfjs itself. */
export const PROTOBUF: PackagePin = {
  name: 'google-protobuf',
  version: '3.21.4',
  integrity:
    'sha512-MnG7N936zcKTco4Jd2PX2U96Kf9PxygAPKBug+74LHzmHXmceN16MmRcdgZv+DGef/S9YvQAfRsNCn4cjf9yyQ==',
};
