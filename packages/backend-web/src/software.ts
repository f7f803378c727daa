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
