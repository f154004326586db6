// A picture with a mark in it: whoever takes it off the screen takes the mark, too.

const SIDE_MAX = 1600;
const TILT = -Math.PI / 9;

/** Draws a picture, made smaller where it is large, with the mark all over it; `false` when the bytes are none. */
export async function drawMarked(
  canvas: HTMLCanvasElement,
  bytes: ArrayBuffer,
  mark: string,
): Promise<boolean> {
  // Decoded without an address: nothing else in the page can ask for it.
  const picture = await createImageBitmap(new Blob([bytes])).catch(() => null);
  const context = canvas.getContext("2d");
  if (picture === null || context === null) return false;
  const scale = Math.min(1, SIDE_MAX / Math.max(picture.width, picture.height));
  // A picture that is small is drawn larger, so that there is room for the mark.
  const up = Math.max(1, 320 / (picture.width * scale));
  canvas.width = Math.round(picture.width * scale * up);
  canvas.height = Math.max(120, Math.round(picture.height * scale * up));
  context.imageSmoothingEnabled = up === 1;
  context.drawImage(picture, 0, 0, canvas.width, Math.round(picture.height * scale * up));
  picture.close();
  const size = Math.max(11, Math.round(canvas.width / 48));
  context.font = `600 ${size}px sans-serif`;
  context.translate(canvas.width / 2, canvas.height / 2);
  context.rotate(TILT);
  const [reach, wide] = [canvas.width + canvas.height, context.measureText(mark).width + size * 3];
  for (let y = -reach; y < reach; y += size * 5)
    for (let x = -reach + ((y / size) % 2) * (wide / 2); x < reach; x += wide) {
      // Dark on bright and bright on dark.
      context.strokeStyle = "rgba(255, 255, 255, 0.5)";
      context.lineWidth = 2;
      context.strokeText(mark, x, y);
      context.fillStyle = "rgba(160, 0, 32, 0.45)";
      context.fillText(mark, x, y);
    }
  return true;
}
