const SOFTWARE = /swiftshader|llvmpipe|softpipe|software|basic render/i;

/** True where WebGL is drawn by the processor, or not at all. */
export function rendersInSoftware(): boolean {
  if (typeof OffscreenCanvas === 'undefined') return true;
  const gl = new OffscreenCanvas(1, 1).getContext('webgl2');
  if (!gl) return true;
  const info = gl.getExtension('WEBGL_debug_renderer_info');
  const renderer = String(gl.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : gl.RENDERER));
  gl.getExtension('WEBGL_lose_context')?.loseContext();
  return SOFTWARE.test(renderer);
}

/** What we read of WebGPU's adapter; TypeScript's DOM does not have it everywhere. */
interface Gpu {
  requestAdapter(): Promise<{
    readonly isFallbackAdapter?: boolean;
    readonly info?: { readonly [name: string]: unknown };
  } | null>;
}

/** True where WebGPU computes on the processor; false also where there is no WebGPU. */
export async function computesInSoftware(): Promise<boolean> {
  const { gpu } = (globalThis.navigator ?? {}) as { readonly gpu?: Gpu };
  const adapter = await gpu?.requestAdapter();
  if (!adapter) return false;
  const { vendor, architecture, device, description, isFallbackAdapter } = adapter.info ?? {};
  const names = [vendor, architecture, device, description].join(' ');
  return isFallbackAdapter === true || adapter.isFallbackAdapter === true || SOFTWARE.test(names);
}
